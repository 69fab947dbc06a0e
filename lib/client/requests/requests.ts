import type { Envelope } from '../../protocol/envelope.ts'
import type { Failure, RequestError } from '../request-error.ts'
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
    else call.reject(this.failure(message))
  }

  /**
   * Sends the message of a call. It waits for the first connection, or until `steps` know a connection for it; an
   * idempotent one waits for its channel.
   * @throws {RequestError} when the message cannot be sent and may not wait.
   */
  send (call: Call, timeoutMs?: number, channel?: IdempotentChannel): void {
    const { message } = call
    call.id = channel ? randomId() : String(++this.#lastId)
    call.channel = channel
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    call.encoded = this.steps.encode({ ...message, correlationId: call.id })
    call.wasDelayed = !this.#connectionFor(call)
    const mayWait = !call.wasDelayed || this.isOpen || channel || !this.#hasOpened
    if (this.state === 'closed' || !mayWait) throw this.failure(message)
    if (call.wasDelayed && this.outgoing.waitingFor(channel).length >= this.deps.pending) {
      throw this.failure(message, 'too_many_pending')
    }
    this.outgoing.set(call.id, call)
    this.expire(call, timeoutMs)
    this.#transmit(call)
  }

  /** Sends what waits and need not wait any more. */
  sendWaiting (): void {
    for (const call of this.outgoing.sentOn(undefined)) this.#transmit(call)
  }

  /** Rejects the idempotent messages that wait for a channel, because it has ended. Pending ones may be answered. */
  rejectWaiting (channel: IdempotentChannel): void {
    for (const call of this.outgoing.waitingFor(channel)) {
      call.reject(this.failure(call.message, call.wasSent ? 'unknown_outcome' : 'not_joined'))
    }
  }

  /** The error of a call; by default that of a message that is not sent. Says also why the client cannot connect. */
  failure (message: Envelope, code = 'disconnected', facts?: Partial<Failure>): RequestError {
    const { state, lastError: cause } = this
    return this.steps.failure(message, { code: state === 'closed' ? state : code, cause, ...facts })
  }

  /** A call fails after `afterMs`. */
  expire (call: Call, afterMs = this.deps.timeout): void {
    call.expire(afterMs, () => {
      const { id, message, wasSent, channel } = call
      this.outgoing.delete(id)
      const sentCode = channel ? 'unknown_outcome' : 'timeout'
      return this.failure(message, wasSent || message.type === 'join' ? sentCode : undefined, { afterMs })
    })
  }

  #connectionFor (call: Call): Connection | undefined {
    return (call.channel?.canSend ?? this.isOpen) ? this.steps.connectionFor(call, this.connection) : undefined
  }

  /** Sends the message, unless it has to wait. */
  #transmit (call: Call): void {
    const connection = this.#connectionFor(call)
    if (!connection) return
    const error = this.steps.refusalOf?.(call, connection)
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
   * @param close set for a closed client
   */
  lose (lost: Connection | undefined, close?: CloseInfo): void {
    for (const [id, call] of this.outgoing) {
      const { message, channel, sentOn, wasSent } = call
      if (lost && sentOn !== lost) continue
      call.delay()
      if (!close && (channel || (!sentOn && !this.#hasOpened))) continue
      this.outgoing.delete(id)
      call.reject(this.failure(message, undefined, { wasSent, close }))
    }
  }

  protected override received (envelope: Envelope, connection: Connection): void {
    const { type, payload, correlationId = '' } = envelope
    if (type !== 'ack' && type !== 'error') return this.steps.receive(envelope, connection)
    const call = this.outgoing.get(correlationId)
    if (!call) return
    const { channel } = call
    const error = type === 'error' && this.steps.failure(call.message, payload as Failure)
    if (error && isRepeated(call, error)) {
      call.delay()
      return channel?.delay(error.retryAfter)
    }
    this.outgoing.delete(correlationId)
    channel?.answered()
    if (error) call.reject(error)
    else call.resolve(payload)
    this.events.call('answered')
  }
}
