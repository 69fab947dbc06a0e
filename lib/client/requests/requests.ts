import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Listeners, type Report } from '../listeners.ts'
import { failure, refusalOf, RequestError, unknownEffect, type Subject } from '../request-error.ts'
import { isStop, type ConnectError } from '../transport/connect-error.ts'
import type { CloseInfo } from '../transport/web-socket.ts'
import { tokenFrom } from '../transport/token-renewal.ts'
import { Transport, type ConnectionState, type TransportDeps } from '../transport/transport.ts'
import { Call, type Callbacks } from './call.ts'
import { encodeMessage } from './encode-message.ts'
import { ServerLimits } from './server-limits.ts'

/** A message that is already encoded, with its own correlation id. */
export interface EncodedRequest {
  readonly subject: Subject
  readonly id: string
  readonly encoded: string
}

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

/** The requests of one client on its connection. */
export class Requests {
  readonly deps: RequestsDeps
  readonly transport: Transport
  readonly events: Listeners<RequestsEvents>
  readonly limits = new ServerLimits()
  /** The sent requests by correlation id, with their subjects. */
  readonly #pending = new Map<string, { readonly call: Call, readonly subject: Subject }>()
  #waiting: ReadonlyArray<{ readonly call: Call, readonly subject: Subject, readonly run: () => void }> = []
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

  /** Sends a message and calls one of `callbacks` with its reply. Without a connection it is rejected at once. */
  request (message: Envelope, callbacks: Callbacks, timeoutMs?: number): void {
    this.requestEncoded(this.encode(message), callbacks, timeoutMs)
  }

  /** Like `request`, for a message that is encoded once and may be sent several times. */
  requestEncoded (request: EncodedRequest, callbacks: Callbacks, timeoutMs?: number): void {
    const call = new Call(this.deps.clock, callbacks)
    this.#expire(request, call, timeoutMs)
    this.#transmit(request, call)
  }

  /** @throws {RequestError} when JSON cannot carry the payload. */
  encode (subject: Envelope, id = String(++this.#lastId)): EncodedRequest {
    return { subject, id, encoded: encodeMessage({ ...subject, correlationId: id }) }
  }

  /** Sends a message whose reply settles the call. Waits for the first connection. */
  send (request: EncodedRequest, call: Call, timeoutMs?: number): void {
    this.#expire(request, call, timeoutMs)
    if (this.#hasOpened) this.#transmit(request, call)
    else this.wait(request.subject, call, () => this.#transmit(request, call))
  }

  /** Calls `run` when a connection is open. */
  wait (subject: Subject, call: Call, run: () => void): void {
    this.#waiting = this.#waiting.filter(({ call }) => !call.isSettled)
    if (this.#waiting.length >= this.deps.pending) return call.reject(failure(subject, 'too_many_pending'))
    this.#waiting = [...this.#waiting, { call, subject, run }]
  }

  /** Sends a message that needs no reply. */
  post (message: Envelope): void {
    this.transport.send(JSON.stringify(message))
  }

  /** The error of a message that is not sent, with the reason why the client cannot connect. */
  notSent (subject: Subject): RequestError {
    const { state, lastError } = this.transport
    return state === 'closed'
      ? failure(subject, 'closed', 'the client is closed; call open() to connect again', lastError)
      : failure(subject, 'disconnected', 'not sent, because there is no connection', lastError)
  }

  /** Sends a new token now; without a connection, connects with it. Rejects when the server refuses the token. */
  async refresh (): Promise<void> {
    const { transport } = this
    const old = transport.token
    try {
      const token = await tokenFrom(this.deps.token)
      if (transport.state !== 'open') return transport.check()
      // The same token again would be renewed at ever shorter waits. A new connection has a token of its own.
      if (!token || token === old || transport.token !== old) return
      await new Promise((resolve, reject) => {
        this.request({ type: 'refresh', payload: { token } }, {
          resolve: () => resolve(transport.accept(token)), reject
        })
      })
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

  #expire ({ subject, id }: EncodedRequest, call: Call, timeoutMs = this.deps.timeout): void {
    call.expire(timeoutMs, () => this.#take(id) ? failure(subject, 'timeout') : this.notSent(subject))
  }

  #transmit (request: EncodedRequest, call: Call): void {
    const { subject, id, encoded } = request
    if (this.transport.state !== 'open') return call.reject(this.notSent(subject))
    const { limits } = this
    if (limits.isTooLarge(encoded)) {
      if (!limits.areKnown) return this.wait(subject, call, () => this.#transmit(request, call))
      return call.reject(failure(subject, 'payload_too_large', `the server takes ${limits.maxBytes} bytes`))
    }
    this.#pending.set(id, { call, subject })
    this.transport.send(encoded)
  }

  #take (id: string) {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    const isClosed = state === 'closed'
    if (state !== 'open') {
      for (const [id, { call, subject }] of [...this.#pending]) {
        this.#pending.delete(id)
        call.reject(isClosed ? failure(subject, state, closedBeforeReply(close)) : failure(subject, 'disconnected'))
      }
    }
    this.events.call('changed', state, close)
    this.#hasOpened = state === 'open' || (this.#hasOpened && !isClosed)
    if (state !== 'connecting') this.#run()
  }

  #receive (envelope: Envelope): void {
    const { type, payload, correlationId = '' } = envelope
    if (type === 'welcome') {
      this.limits.set(payload as Welcome)
      this.#run()
    } else if (type !== 'ack' && type !== 'error') {
      this.events.call('received', envelope)
    } else {
      const pending = this.#take(correlationId)
      if (type === 'ack') pending?.call.resolve(payload)
      else pending?.call.reject(refusalOf(pending.subject, payload))
    }
  }

  /** Runs what waits for a connection; on a closed client it fails. */
  #run (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { call, subject, run } of waiting) {
      if (this.transport.state !== 'open') call.reject(this.notSent(subject))
      else if (!call.isSettled) run()
    }
  }
}

function closedBeforeReply (close: CloseInfo | undefined): string {
  return `the connection was closed with ${close?.code} before the reply: ${close?.reason}; ${unknownEffect}`
}
