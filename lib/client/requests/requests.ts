import type { Envelope } from '../../protocol/envelope.ts'
import { failure, refusalOf, unknownEffect, type RequestError } from '../request-error.ts'
import type { Connection } from '../transport/connection.ts'
import { Transport, type TransportDeps } from '../transport/transport.ts'
import type { CloseInfo } from '../transport/web-socket.ts'
import { Call, type Callbacks } from './call.ts'
import type { ConnectionState } from './client-events.ts'
import type { IdempotentChannel } from './idempotent-channel.ts'
import { isRepeated, OutgoingMessages } from './outgoing-messages.ts'
import { randomId } from './random-id.ts'

export interface RequestsDeps extends TransportDeps {
  /** Milliseconds that a request waits for its reply. */
  readonly timeout: number
  /** How many messages may wait for the first connection, and idempotent ones for one channel to be joined again. */
  readonly pending: number
}

/**
 * The requests of one client on its connection. An idempotent message is sent again until it is answered; the server
 * makes sure that it has one effect. The messages of a channel leave in the order of the calls, a repeated one before
 * newer ones:
 *
 *   send -> waits for the first connection, or the channel -> pending -> answered
 *                          '---- idempotent: lost, or failed for now ---'
 */
export class Requests extends Transport<RequestsDeps> {
  readonly outgoing = new OutgoingMessages()
  #lastId = 0
  /** Whether a connection was open since `connect` or `open`. */
  #hasOpened = false

  /** Sends a message and calls one of `callbacks` with its reply. Without a connection it is rejected at once. */
  request (message: Envelope, callbacks: Callbacks, timeoutMs?: number): void {
    const call = new Call(this.deps.clock, message, callbacks)
    if (this.isOpen) this.send(call, timeoutMs)
    else call.reject(this.notSent(message))
  }

  /**
   * Sends the message of a call. It waits for the first connection, or until `steps` know a connection for it; an
   * idempotent one waits for its channel.
   * @throws {RequestError} when the message cannot be sent and may not wait.
   */
  send (call: Call, timeoutMs = this.deps.timeout, channel?: IdempotentChannel): void {
    const { message } = call
    call.id = channel ? randomId() : String(++this.#lastId)
    call.channel = channel
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    call.encoded = this.steps.encode({ ...message, correlationId: call.id })
    call.wasDelayed = !this.#connectionFor(call)
    if (call.wasDelayed && !channel && this.#hasOpened && !this.isOpen) throw this.notSent(message)
    if (call.wasDelayed && this.outgoing.waitingFor(channel).length >= this.deps.pending) {
      throw failure(message, 'too_many_pending')
    }
    this.outgoing.set(call.id, call)
    call.expire(timeoutMs, () => this.#expired(call, timeoutMs))
    this.#transmit(call)
  }

  /** Sends what waits and need not wait any more. */
  sendWaiting (): void {
    for (const call of this.outgoing.sentOn(undefined)) this.#transmit(call)
  }

  /** Rejects the idempotent messages that wait for a channel, because it has ended. Pending ones may be answered. */
  rejectWaiting (channel: IdempotentChannel): void {
    for (const call of this.outgoing.waitingFor(channel)) {
      call.reject(failure(call.message, call.wasSent ? 'unknown_outcome' : 'not_joined'))
    }
  }

  /** The error of a message that is not sent, with the reason why the client cannot connect. */
  notSent (message: Envelope, reason?: string): RequestError {
    const { state, lastError } = this
    return failure(message, state === 'closed' ? state : 'disconnected', reason, lastError)
  }

  #expired ({ id, message, wasSent, channel }: Call, timeoutMs: number): RequestError {
    this.outgoing.delete(id)
    if (!wasSent) return this.notSent(message, `not sent within ${timeoutMs} ms`)
    const reason = `no reply within ${timeoutMs} ms; ${unknownEffect}`
    return failure(message, channel ? 'unknown_outcome' : 'timeout', reason)
  }

  #connectionFor (call: Call): Connection | undefined {
    return (call.channel?.canSend ?? this.isOpen) ? this.steps.connectionFor(call, this.connection) : undefined
  }

  /** Sends the message, unless it has to wait. */
  #transmit (call: Call): void {
    const connection = this.#connectionFor(call)
    if (!connection) return
    const error = this.steps.refusalOf(call, connection)
    if (error) return call.reject(error)
    call.wasSent = true
    call.sentOn = connection
    connection.send(call.encoded)
  }

  protected override changed (state: ConnectionState, close: CloseInfo | undefined): void {
    if (state !== 'open') this.lose(undefined, state === 'closed' ? close : undefined)
    this.events.call('changed', state)
    this.steps.follow(state, close)
    this.#hasOpened = state === 'open' || (this.#hasOpened && state !== 'closed')
    this.sendWaiting()
  }

  /**
   * What is pending is lost, except idempotent messages, which are sent again. A closed client sends nothing more.
   * @param lost undefined for every connection
   * @param closed set for a closed client
   */
  lose (lost: Connection | undefined, closed?: CloseInfo): void {
    const how = closed ? `closed with ${closed.code} before the reply: ${closed.reason}` : 'lost before the reply'
    for (const [id, call] of this.outgoing) {
      const { message, channel, sentOn, wasSent } = call
      if (lost && sentOn !== lost) continue
      call.sentOn = undefined
      call.wasDelayed = true
      if (!closed && (channel || (!sentOn && !this.#hasOpened))) continue
      this.outgoing.delete(id)
      call.reject(this.notSent(message, wasSent ? `the connection was ${how}; ${unknownEffect}` : undefined))
    }
  }

  protected override received (envelope: Envelope, connection: Connection): void {
    const { type, payload, correlationId = '' } = envelope
    if (type !== 'ack' && type !== 'error') return this.steps.receive(envelope, connection)
    const call = this.outgoing.get(correlationId)
    if (!call) return
    const { channel } = call
    const error = type === 'error' && refusalOf(call.message, payload)
    if (error && isRepeated(call, error)) {
      call.sentOn = undefined
      call.wasDelayed = true
      return channel?.delay(error.retryAfter)
    }
    this.outgoing.delete(correlationId)
    channel?.answered()
    if (error) call.reject(error)
    else call.resolve(payload)
    this.events.call('answered')
  }
}
