import type { Timer } from '../../clock.ts'
import { Backoff } from '../transport/backoff.ts'
import type { ReplyCallbacks } from '../transport/pending-replies.ts'
import { failure, notSent, type OwnCode, type RequestError, type Subject } from '../request-error.ts'
import type { EncodedRequest, Transport } from '../transport/transport.ts'

/** One message, from `send` until it is settled. */
interface IdempotentSend extends EncodedRequest {
  readonly callbacks: ReplyCallbacks
  /** The message was sent and its reply is awaited. */
  isPending: boolean
  /** The message was sent at least once, so its effect is unknown until a reply arrives. */
  wasSent: boolean
  /** The client delayed or repeated the message, so a rate limit is the client's to handle, not the caller's. */
  wasDelayed: boolean
  deadline: Timer
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
  readonly #transport: Transport
  readonly #membership: { readonly isJoined: boolean }
  readonly #backoff: Backoff
  #types: readonly unknown[] = []
  #sends: readonly IdempotentSend[] = []
  #isPaused = false
  #hasEnded = false

  constructor (transport: Transport, membership: { readonly isJoined: boolean }) {
    this.#transport = transport
    this.#membership = membership
    this.#backoff = new Backoff(transport.deps.clock, transport.deps.random)
  }

  /** Whether messages of this type are declared `idempotent`, according to the ack of the join. */
  isIdempotent (type: string): boolean {
    return this.#types.includes(type)
  }

  /** @throws {TypeError} when the payload cannot be written as JSON. */
  send (message: Subject & { readonly payload: unknown }, callbacks: ReplyCallbacks): void {
    const correlationId = randomId()
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    const encoded = JSON.stringify({ ...message, correlationId })
    if (this.#isFull) return callbacks.reject(failure(message, 'too_many_pending'))
    const flags = { isPending: false, wasSent: false, wasDelayed: !this.#canSend }
    const send: IdempotentSend = { subject: message, correlationId, encoded, callbacks, ...flags, deadline: undefined }
    this.#sends = [...this.#sends, send]
    this.#startDeadline(send)
    this.#sendWaiting()
  }

  /** Sends the waiting messages, because the channel is joined. */
  resume (types: readonly unknown[]): void {
    this.#types = types
    this.#backoff.reset()
    this.#unpause()
  }

  /** Rejects the waiting messages, because the channel has ended. Pending messages may still be answered. */
  end (code: OwnCode): void {
    this.#hasEnded = true
    this.#backoff.stop()
    for (const send of this.#waiting) this.#reject(send, failure(send.subject, send.wasSent ? 'unknown_outcome' : code))
  }

  get #canSend (): boolean {
    return this.#membership.isJoined && !this.#isPaused
  }

  get #waiting (): readonly IdempotentSend[] {
    return this.#sends.filter(({ isPending }) => !isPending)
  }

  get #isFull (): boolean {
    return !this.#canSend && this.#waiting.length >= this.#transport.deps.pending
  }

  #unpause (): void {
    this.#isPaused = false
    this.#sendWaiting()
  }

  #sendWaiting (): void {
    if (!this.#canSend) return
    for (const send of this.#waiting) this.#attempt(send)
  }

  #attempt (send: IdempotentSend): void {
    if (!send.wasSent) this.#startDeadline(send)
    send.isPending = send.wasSent = true
    this.#transport.requestEncoded(send, {
      resolve: (reply) => this.#applyReply(send, reply),
      reject: (error) => this.#applyFailure(send, error)
    })
  }

  #applyReply (send: IdempotentSend, reply: unknown): void {
    if (!this.#sends.includes(send)) return
    if (!this.#isPaused) this.#backoff.reset()
    this.#remove(send)
    send.callbacks.resolve(reply)
  }

  #applyFailure (send: IdempotentSend, error: RequestError): void {
    if (!this.#sends.includes(send)) return
    send.isPending = false
    if (this.#hasEnded || !isTemporary(send, error)) return this.#reject(send, error)
    send.wasDelayed = true
    this.#pause(error.retryAfter)
  }

  /** Holds back every message, so that none is sent before the failed one is repeated. */
  #pause (atLeastMs: number | undefined): void {
    this.#isPaused = true
    this.#backoff.retry(() => this.#unpause(), atLeastMs)
  }

  /** The time allowed from `send`, and again from the first attempt, because only then the effect can be unknown. */
  #startDeadline (send: IdempotentSend): void {
    const { clock } = this.#transport.deps
    clock.clearTimeout(send.deadline)
    send.deadline = clock.setTimeout(() => {
      this.#reject(send, send.wasSent ? failure(send.subject, 'unknown_outcome') : notSent(send.subject))
    }, giveUpAfterMs)
  }

  #reject (send: IdempotentSend, error: RequestError): void {
    this.#remove(send)
    send.callbacks.reject(error)
  }

  #remove (send: IdempotentSend): void {
    this.#sends = this.#sends.filter((other) => other !== send)
    this.#transport.deps.clock.clearTimeout(send.deadline)
  }
}

function isTemporary ({ wasDelayed }: IdempotentSend, { code }: RequestError): boolean {
  return temporaryCodes.includes(code) || (wasDelayed && code === 'rate_limited')
}

/** 128 random bits. `crypto.randomUUID` does not exist in a page that was loaded without TLS. */
function randomId (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
