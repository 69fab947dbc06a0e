import type { Envelope } from '../../protocol/envelope.ts'
import type { Call } from '../requests/call.ts'
import { Backoff } from '../transport/backoff.ts'
import { failure, type OwnCode, type RequestError } from '../request-error.ts'
import type { EncodedRequest, Requests } from '../requests/requests.ts'

/** One message, from `send` until it is settled. */
interface IdempotentSend extends EncodedRequest {
  readonly call: Call
  readonly timeoutMs: number
  /** The message was sent and its reply is awaited. */
  isPending: boolean
  /** The message was sent at least once, so its effect is unknown until a reply arrives. */
  wasSent: boolean
  /** The client delayed or repeated the message, so a rate limit is the client's to handle, not the caller's. */
  wasDelayed: boolean
}

/** From the first attempt until the client gives up. The server remembers an id for 120,000 ms. */
const giveUpAfterMs = 90_000

/** After these failures a further try may succeed, and the effect of the message is unknown. */
const temporaryCodes = ['disconnected', 'in_flight', 'timeout', 'unavailable']

/**
 * The idempotent messages of one channel. Each is sent under one id until it is answered, over any number of
 * connections; the server makes sure that it has one effect. Messages are sent in the order of the calls of `send`, and
 * a lost message is sent again before newer ones.
 *
 *   send -> waits for the channel -> pending -> answered
 *                  '---- lost, or failed for now ---'         after 90 s: given up
 */
export class IdempotentSends {
  readonly #requests: Requests
  readonly #membership: { readonly isJoined: boolean, readonly hasEnded: boolean }
  readonly #backoff: Backoff
  #types: readonly unknown[] = []
  #sends: readonly IdempotentSend[] = []

  constructor (requests: Requests, membership: { readonly isJoined: boolean, readonly hasEnded: boolean }) {
    this.#requests = requests
    this.#membership = membership
    this.#backoff = new Backoff(requests.deps)
  }

  /** Whether messages of this type are declared `idempotent`, according to the ack of the join. */
  isIdempotent (type: string): boolean {
    return this.#types.includes(type)
  }

  /** @throws {RequestError} when JSON cannot carry the payload. */
  send (message: Envelope, call: Call, timeoutMs = giveUpAfterMs): void {
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    const request = this.#requests.encode(message, randomId())
    if (!this.#canSend && this.#waiting.length >= this.#requests.deps.pending) {
      return call.reject(failure(message, 'too_many_pending'))
    }
    const flags = { isPending: false, wasSent: false, wasDelayed: !this.#canSend }
    const send: IdempotentSend = { ...request, call, timeoutMs, ...flags }
    this.#sends = [...this.#sends, send]
    this.#startDeadline(send)
    this.#sendWaiting()
  }

  /** Sends the waiting messages, because the channel is joined. */
  resume (types: readonly unknown[]): void {
    this.#types = types
    this.#backoff.reset()
    this.#sendWaiting()
  }

  /** Rejects the waiting messages, because the channel or the client has ended. Pending messages may be answered. */
  end (code: OwnCode): void {
    this.#backoff.stop()
    for (const { subject, wasSent, call } of this.#waiting) {
      call.reject(failure(subject, wasSent ? 'unknown_outcome' : code))
    }
  }

  get #canSend (): boolean {
    return this.#membership.isJoined && !this.#backoff.isWaiting
  }

  get #waiting (): readonly IdempotentSend[] {
    this.#sends = this.#sends.filter(({ call }) => !call.isSettled)
    return this.#sends.filter(({ isPending }) => !isPending)
  }

  #sendWaiting (): void {
    if (!this.#canSend) return
    for (const send of this.#waiting) this.#attempt(send)
  }

  #attempt (send: IdempotentSend): void {
    if (!send.wasSent) this.#startDeadline(send)
    send.isPending = send.wasSent = true
    this.#requests.requestEncoded(send, {
      resolve: (reply) => {
        if (!this.#backoff.isWaiting) this.#backoff.reset()
        send.call.resolve(reply)
      },
      reject: (error) => this.#applyFailure(send, error)
    })
  }

  /**
   * Holds back every message, so that none is sent before the failed one is repeated. Messages that fail together are
   * one failure, or the wait would double with each of them.
   */
  #applyFailure (send: IdempotentSend, error: RequestError): void {
    if (send.call.isSettled) return
    send.isPending = false
    if (this.#membership.hasEnded || !isTemporary(send, error)) return send.call.reject(error)
    send.wasDelayed = true
    if (this.#backoff.isWaiting) this.#backoff.extend(error.retryAfter ?? 0)
    else this.#backoff.retry(() => this.#sendWaiting(), error.retryAfter)
  }

  /** The time allowed from `send`, and again from the first attempt, because only then the effect can be unknown. */
  #startDeadline (send: IdempotentSend): void {
    const { subject, call, timeoutMs } = send
    call.expire(timeoutMs, () => send.wasSent ? failure(subject, 'unknown_outcome') : this.#requests.notSent(subject))
  }
}

function isTemporary ({ wasDelayed }: IdempotentSend, { code }: RequestError): boolean {
  return temporaryCodes.includes(code) || (wasDelayed && code === 'rate_limited')
}

/**
 * 128 random bits. `crypto.randomUUID` does not exist in a page that was loaded without TLS. React Native has no
 * `crypto`, and its `Math.random` has a state of 31 bits, so the time is mixed in there.
 */
function randomId (): string {
  const empty = new Uint8Array(16)
  const bytes = globalThis.crypto?.getRandomValues(empty) ??
    empty.map((_zero, i) => Math.random() * 256 ^ Date.now() / 256 ** i)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
