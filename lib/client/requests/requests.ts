import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Listeners, type Report } from '../listeners.ts'
import { failure, refusalOf, unknownEffect, type RequestError } from '../request-error.ts'
import type { ConnectError } from '../transport/connect-error.ts'
import type { Connection } from '../transport/connection.ts'
import type { CloseInfo } from '../transport/web-socket.ts'
import { Transport, type ConnectionState, type TransportDeps } from '../transport/transport.ts'
import { Call, type Callbacks } from './call.ts'
import { OutgoingMessages } from './outgoing-messages.ts'
import { isRepeated, type IdempotentChannel, type Outgoing, type Route } from './outgoing.ts'
import { renew } from './refresh.ts'
import { isTooLarge } from './server-limits.ts'

export interface RequestsDeps extends TransportDeps {
  /** Milliseconds that a request waits for its reply. */
  readonly timeout: number
  /** How many messages may wait for the first connection, and idempotent ones for one channel to be joined again. */
  readonly pending: number
  /** Takes an error that a listener threw. */
  readonly report: Report
}

type RequestsEvents = {
  /** A new state, and how the connection before it ended. */
  readonly changed: [state: ConnectionState, close: CloseInfo | undefined]
  /** The server sent a message that is no reply. */
  readonly received: [Envelope, Connection]
  /** There is another connection beside the one that it replaces. */
  readonly replaced: []
  /** The replaced connection has ended. */
  readonly released: []
  /** An attempt to connect failed. */
  readonly failed: [ConnectError]
}

/**
 * The requests of one client on its connection. An idempotent message is sent again until it is answered; the server
 * makes sure that it has one effect. The messages of a channel leave in the order of the calls, a repeated one before
 * newer ones:
 *
 *   send -> waits for the first connection, or the channel -> pending -> answered
 *                          '---- idempotent: lost, or failed for now ---'
 */
export class Requests {
  readonly deps: RequestsDeps
  readonly transport: Transport
  readonly events: Listeners<RequestsEvents>
  readonly outgoing = new OutgoingMessages()
  /** Whether a connection was open since `connect` or `open`. */
  #hasOpened = false

  constructor (deps: RequestsDeps) {
    this.deps = deps
    this.events = new Listeners(deps.report)
    this.transport = new Transport(deps, {
      changed: (state, close) => this.#follow(state, close),
      replaced: () => this.events.call('replaced'),
      released: (connection) => this.#release(connection),
      received: (envelope, connection) => this.#receive(envelope, connection),
      failed: (error) => this.events.call('failed', error),
      renew: () => { renew(this) }
    })
  }

  get isOpen (): boolean {
    return this.transport.state === 'open'
  }

  /** Sends a message and calls one of `callbacks` with its reply. Without a connection it is rejected at once. */
  request (message: Envelope, callbacks: Callbacks, timeoutMs = this.deps.timeout): void {
    const call = new Call(this.deps.clock, message, callbacks)
    if (!this.isOpen) return call.reject(this.notSent(message))
    const outgoing = this.outgoing.newOutgoing(call, this.transport)
    this.#begin(outgoing, timeoutMs)
    this.#transmit(outgoing)
  }

  /**
   * Sends the message of a call. It waits for the first connection, and for the replies to those that were sent before
   * it on a connection that is being replaced; an idempotent one waits for its channel.
   * @throws {RequestError} when the message cannot be sent and may not wait.
   */
  send (call: Call, timeoutMs = this.deps.timeout, route: Route = this.transport, channel?: IdempotentChannel): void {
    const { message } = call
    const outgoing = this.outgoing.newOutgoing(call, route, channel)
    outgoing.wasDelayed = !this.#canSend(outgoing)
    if (outgoing.wasDelayed && !channel && this.#hasOpened && !this.isOpen) throw this.notSent(message)
    if (outgoing.wasDelayed && this.outgoing.waitingFor(channel).length >= this.deps.pending) {
      throw failure(message, 'too_many_pending')
    }
    this.#begin(outgoing, timeoutMs)
    if (!outgoing.wasDelayed) this.#transmit(outgoing)
  }

  /** Sends what waits and need not wait any more. */
  sendWaiting (): void {
    for (const outgoing of this.outgoing.sentOn(undefined)) if (this.#canSend(outgoing)) this.#transmit(outgoing)
  }

  /** Rejects the idempotent messages that wait for a channel, because it has ended. Pending ones may be answered. */
  rejectWaiting (channel: IdempotentChannel): void {
    for (const { call, wasSent } of this.outgoing.waitingFor(channel)) {
      call.reject(failure(call.message, wasSent ? 'unknown_outcome' : 'not_joined'))
    }
  }

  /** The error of a message that is not sent, with the reason why the client cannot connect. */
  notSent (message: Envelope, reason?: string): RequestError {
    const { state, lastError } = this.transport
    return failure(message, state === 'closed' ? state : 'disconnected', reason, lastError)
  }

  #begin (outgoing: Outgoing, timeoutMs: number): void {
    const { id, call, channel } = outgoing
    this.outgoing.set(id, outgoing)
    call.expire(timeoutMs, () => {
      this.outgoing.delete(id)
      if (!outgoing.wasSent) return this.notSent(call.message, `not sent within ${timeoutMs} ms`)
      const reason = `no reply within ${timeoutMs} ms; ${unknownEffect}`
      return failure(call.message, channel ? 'unknown_outcome' : 'timeout', reason)
    })
  }

  #connectionFor ({ route }: Outgoing): Connection {
    return (route.connection ?? this.transport.connection) as Connection
  }

  #canSend (outgoing: Outgoing): boolean {
    const { channel, call } = outgoing
    if (!(channel ? channel.canSend : this.isOpen)) return false
    const { replaced } = this.transport
    // The server keeps the order of one connection only.
    return !replaced || this.#connectionFor(outgoing) === replaced ||
      !this.outgoing.sentOn(replaced).some((other) => other.call.message.channel === call.message.channel)
  }

  #transmit (outgoing: Outgoing): void {
    const { call, encoded } = outgoing
    const connection = this.#connectionFor(outgoing)
    const { messageBytes } = (connection.welcome as Welcome).limits
    if (isTooLarge(encoded, messageBytes)) {
      const reason = `the server takes ${messageBytes} bytes`
      return call.reject(failure(call.message, 'payload_too_large', reason))
    }
    outgoing.wasSent = true
    outgoing.sentOn = connection
    connection.send(encoded)
  }

  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    if (state !== 'open') this.#lose(undefined, state === 'closed' ? close : undefined)
    this.events.call('changed', state, close)
    this.#hasOpened = state === 'open' || (this.#hasOpened && state !== 'closed')
    this.sendWaiting()
  }

  #release (replaced: Connection): void {
    this.#lose(replaced)
    this.events.call('released')
    this.sendWaiting()
  }

  /**
   * What is pending is lost, except idempotent messages, which are sent again. A closed client sends nothing more.
   * @param lost undefined for every connection
   * @param closed set for a closed client
   */
  #lose (lost: Connection | undefined, closed?: CloseInfo): void {
    const how = closed ? `closed with ${closed.code} before the reply: ${closed.reason}` : 'lost before the reply'
    for (const [id, outgoing] of this.outgoing) {
      const { call, channel, sentOn, wasSent } = outgoing
      if (lost && sentOn !== lost) continue
      outgoing.sentOn = undefined
      outgoing.wasDelayed = true
      if (!closed && (channel || (!sentOn && !this.#hasOpened))) continue
      this.outgoing.delete(id)
      call.reject(this.notSent(call.message, wasSent ? `the connection was ${how}; ${unknownEffect}` : undefined))
    }
  }

  #receive (envelope: Envelope, connection: Connection): void {
    const { type, payload, correlationId = '' } = envelope
    if (type !== 'ack' && type !== 'error') return this.events.call('received', envelope, connection)
    const outgoing = this.outgoing.get(correlationId)
    if (!outgoing) return
    const { call, channel } = outgoing
    const error = type === 'error' && refusalOf(call.message, payload)
    if (error && isRepeated(outgoing, error.code)) {
      outgoing.sentOn = undefined
      outgoing.wasDelayed = true
      return channel?.delay(error.retryAfter)
    }
    this.outgoing.delete(correlationId)
    channel?.answered()
    if (error) call.reject(error)
    else call.resolve(payload)
    if (this.transport.replaced) this.sendWaiting()
  }
}
