import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Listeners, type Report } from '../listeners.ts'
import { failure, refusalOf, RequestError, unknownEffect } from '../request-error.ts'
import { isStop, type ConnectError } from '../transport/connect-error.ts'
import type { CloseInfo } from '../transport/web-socket.ts'
import { tokenFrom } from '../transport/token-renewal.ts'
import { Transport, type ConnectionState, type TransportDeps } from '../transport/transport.ts'
import { Call, type Callbacks } from './call.ts'
import { encodeMessage } from './encode-message.ts'
import { isRepeated, randomId, type IdempotentChannel, type Outgoing } from './outgoing.ts'
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
  readonly received: [Envelope]
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
  /** By correlation id, in the order of the calls. */
  readonly #outgoing = new Map<string, Outgoing>()
  /** Whether a connection was open since `connect` or `open`. */
  #hasOpened = false
  #lastId = 0

  constructor (deps: RequestsDeps) {
    this.deps = deps
    this.events = new Listeners(deps.report)
    this.transport = new Transport(deps, {
      changed: (state, close) => this.#follow(state, close),
      received: (envelope) => this.#receive(envelope),
      failed: (error) => this.events.call('failed', error),
      renew: () => { this.#renew() }
    })
  }

  get isOpen (): boolean {
    return this.transport.state === 'open'
  }

  /** Sends a message and calls one of `callbacks` with its reply. Without a connection it is rejected at once. */
  request (message: Envelope, callbacks: Callbacks, timeoutMs?: number): void {
    const call = new Call(this.deps.clock, message, callbacks)
    if (this.isOpen) this.send(call, timeoutMs)
    else call.reject(this.notSent(message))
  }

  /**
   * Sends the message of a call. It waits for the first connection; an idempotent one waits for its channel.
   * @throws {RequestError} when the message cannot be sent and may not wait.
   */
  send (call: Call, timeoutMs = this.deps.timeout, channel?: IdempotentChannel): void {
    const { message } = call
    const id = channel ? randomId() : String(++this.#lastId)
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    const encoded = encodeMessage({ ...message, correlationId: id })
    const wasDelayed = !this.#canSend(channel)
    const outgoing: Outgoing = { call, encoded, channel, isPending: false, wasSent: false, wasDelayed }
    if (wasDelayed && !channel && this.#hasOpened) throw this.notSent(message)
    if (wasDelayed && this.#waitingFor(channel).length >= this.deps.pending) throw failure(message, 'too_many_pending')
    this.#outgoing.set(id, outgoing)
    call.expire(timeoutMs, () => {
      this.#outgoing.delete(id)
      if (!outgoing.wasSent) return this.notSent(message, `not sent within ${timeoutMs} ms`)
      const reason = `no reply within ${timeoutMs} ms; ${unknownEffect}`
      return failure(message, channel ? 'unknown_outcome' : 'timeout', reason)
    })
    if (!wasDelayed) this.#transmit(outgoing)
  }

  /** Sends the idempotent messages that wait for a channel, or what waits for the first connection. */
  sendWaiting (channel?: IdempotentChannel): void {
    for (const outgoing of this.#waitingFor(channel)) if (this.#canSend(channel)) this.#transmit(outgoing)
  }

  /** Rejects the idempotent messages that wait for a channel, because it has ended. Pending ones may be answered. */
  rejectWaiting (channel: IdempotentChannel): void {
    for (const { call, wasSent } of this.#waitingFor(channel)) {
      call.reject(failure(call.message, wasSent ? 'unknown_outcome' : 'not_joined'))
    }
  }

  /** Whether the server has still to answer a leave of the channel. */
  isLeaving (address: string): boolean {
    return [...this.#outgoing.values()].some(({ call: { message: m } }) => m.type === 'leave' && m.channel === address)
  }

  /** The error of a message that is not sent, with the reason why the client cannot connect. */
  notSent (message: Envelope, reason?: string): RequestError {
    const { state, lastError } = this.transport
    return failure(message, state === 'closed' ? state : 'disconnected', reason, lastError)
  }

  /** Sends a new token now; without a connection, connects with it. Rejects when the server refuses the token. */
  async refresh (): Promise<void> {
    const { transport } = this
    const old = transport.token
    try {
      const token = await tokenFrom(this.deps.token)
      if (!this.isOpen) return transport.check()
      // The same token again would be renewed at ever shorter waits. A new connection has a token of its own.
      if (!token || token === old || transport.token !== old) return
      await new Promise((resolve, reject) => this.request({ type: 'refresh', payload: { token } }, {
        resolve: () => resolve(transport.accept(token)), reject
      }))
    } catch (error) {
      if (!isStop(error)) throw error
      transport.stop(error)
    }
  }

  /** Renews the token on time. When that fails, the server closes the connection at the end of the old token. */
  async #renew (): Promise<void> {
    await this.refresh().catch((error: unknown) => {
      if (!(error instanceof RequestError)) this.deps.failed(error)
    })
  }

  #canSend (channel: IdempotentChannel | undefined): boolean {
    return channel ? channel.canSend : this.isOpen
  }

  #waitingFor (channel: IdempotentChannel | undefined): readonly Outgoing[] {
    for (const [id, { call }] of this.#outgoing) if (call.isSettled) this.#outgoing.delete(id)
    return [...this.#outgoing.values()].filter((outgoing) => outgoing.channel === channel && !outgoing.isPending)
  }

  #transmit (outgoing: Outgoing): void {
    const { call, encoded } = outgoing
    const { messageBytes } = (this.transport.welcome as Welcome).limits
    if (isTooLarge(encoded, messageBytes)) {
      const reason = `the server takes ${messageBytes} bytes`
      return call.reject(failure(call.message, 'payload_too_large', reason))
    }
    outgoing.isPending = outgoing.wasSent = true
    this.transport.send(encoded)
  }

  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    if (state !== 'open') this.#endConnection(state === 'closed', close)
    this.events.call('changed', state, close)
    this.#hasOpened = state === 'open' || (this.#hasOpened && state !== 'closed')
    this.sendWaiting()
  }

  /** What is pending is lost, except idempotent messages, which are sent again. A closed client sends nothing more. */
  #endConnection (isClosed: boolean, close: CloseInfo | undefined): void {
    const how = isClosed ? `closed with ${close?.code} before the reply: ${close?.reason}` : 'lost before the reply'
    for (const [id, outgoing] of this.#outgoing) {
      const { call, channel, isPending, wasSent } = outgoing
      outgoing.isPending = false
      outgoing.wasDelayed = true
      if (!isClosed && (channel || !isPending)) continue
      this.#outgoing.delete(id)
      call.reject(this.notSent(call.message, wasSent ? `the connection was ${how}; ${unknownEffect}` : undefined))
    }
  }

  #receive (envelope: Envelope): void {
    const { type, payload, correlationId = '' } = envelope
    if (type !== 'ack' && type !== 'error') return this.events.call('received', envelope)
    const outgoing = this.#outgoing.get(correlationId)
    if (!outgoing) return
    const { call, channel } = outgoing
    const error = type === 'error' && refusalOf(call.message, payload)
    if (error && isRepeated(outgoing, error.code)) {
      outgoing.isPending = false
      outgoing.wasDelayed = true
      return channel?.delay(error.retryAfter)
    }
    this.#outgoing.delete(correlationId)
    channel?.answered()
    if (error) call.reject(error)
    else call.resolve(payload)
  }
}
