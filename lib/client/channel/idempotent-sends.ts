import type { Timer } from '../../clock.ts'
import { Backoff } from '../transport/backoff.ts'
import type { Outcome } from '../transport/pending-replies.ts'
import { failure, type OwnCode, type RequestError, type Subject } from '../request-error.ts'
import type { Transport } from '../transport/transport.ts'

/** One message, from `send` until it is settled. */
interface IdempotentSend {
  readonly subject: Subject
  readonly correlationId: string
  /** Written once: a payload that the caller changes later would be another message under the same id. */
  readonly frame: string
  readonly outcome: Outcome
  underWay: boolean
  /** Whether it left before: what became of it then is unknown until it is answered. */
  tried: boolean
  /** Whether it left later than its caller sent it, or again: what is too fast then is our affair, not the caller's. */
  waited: boolean
  deadline: Timer
}

/** Milliseconds from the first attempt; the server remembers for 120,000. */
const giveUpAfter = 90_000

/** Failures that pass, and after which nobody knows whether the message had an effect. */
const passing = ['disconnected', 'in_flight', 'timeout', 'unavailable']

/**
 * The messages of one channel that are declared `once`. Each is sent under one id until it is answered, over as many connections as it
 * takes; the server sees to it that it has one effect. They leave in the order in which they were sent, those that were lost first.
 *
 *   send -> waits for the channel -> under way -> answered
 *                  '----- lost, with its connection or for now -'         90 s: given up
 */
export class IdempotentSends {
  readonly #transport: Transport
  readonly #isJoined: () => boolean
  readonly #backoff: Backoff
  #types: readonly unknown[] = []
  #sends: readonly IdempotentSend[] = []
  #paused = false
  #over = false

  constructor (transport: Transport, isJoined: () => boolean) {
    this.#transport = transport
    this.#isJoined = isJoined
    this.#backoff = new Backoff(transport.setup.clock, transport.setup.random)
  }

  /** Whether messages of this type are declared `once`, as the server said when it let us in. */
  has (type: string): boolean {
    return this.#types.includes(type)
  }

  /** @throws {TypeError} when the payload cannot be written as JSON. */
  send (message: Subject & { readonly payload: unknown }, outcome: Outcome): void {
    const correlationId = randomId()
    const frame = JSON.stringify({ ...message, correlationId })
    if (this.#isFull) return outcome.reject(failure(message, 'too_many_pending'))
    const send: IdempotentSend = { subject: message, correlationId, frame, outcome, underWay: false, tried: false, waited: !this.#mayLeave, deadline: undefined }
    this.#sends = [...this.#sends, send]
    this.#allow(send)
    this.#flush()
  }

  /** The channel is joined: all that waits leaves. */
  joined (types: readonly unknown[]): void {
    this.#types = types
    this.#backoff.forgive()
    this.#resume()
  }

  /** The channel is over. What is under way may be answered still. */
  end (code: OwnCode): void {
    this.#over = true
    this.#backoff.stop()
    for (const send of this.#waiting) this.#reject(send, failure(send.subject, send.tried ? 'unknown_outcome' : code))
  }

  get #mayLeave (): boolean {
    return this.#isJoined() && !this.#paused
  }

  get #waiting (): readonly IdempotentSend[] {
    return this.#sends.filter(({ underWay }) => !underWay)
  }

  get #isFull (): boolean {
    return !this.#mayLeave && this.#waiting.length >= this.#transport.setup.pending
  }

  #resume (): void {
    this.#paused = false
    this.#flush()
  }

  #flush (): void {
    if (!this.#mayLeave) return
    for (const send of this.#waiting) this.#attempt(send)
  }

  #attempt (send: IdempotentSend): void {
    if (!send.tried) this.#allow(send)
    send.underWay = send.tried = true
    this.#transport.repeat(send, {
      resolve: (reply) => this.#ifUnsettled(send, () => this.#answered(send, reply)),
      reject: (error) => this.#ifUnsettled(send, () => this.#failed(send, error))
    })
  }

  /** What was given up may be answered, or fail, later. */
  #ifUnsettled (send: IdempotentSend, fn: () => void): void {
    if (this.#sends.includes(send)) fn()
  }

  #answered (send: IdempotentSend, reply: unknown): void {
    if (!this.#paused) this.#backoff.forgive()
    this.#settle(send, () => send.outcome.resolve(reply))
  }

  #failed (send: IdempotentSend, error: RequestError): void {
    send.underWay = false
    if (this.#over || !passes(send, error)) return this.#reject(send, error)
    send.waited = true
    this.#pause(error.retryAfter)
  }

  /** Nothing leaves for a while, or until the channel is joined again: it would overtake what has to be sent again. */
  #pause (atLeast: number | undefined): void {
    this.#paused = true
    this.#backoff.retry(() => this.#resume(), atLeast)
  }

  /** The time that a message has, from its `send`; and, since only then its outcome can be unknown, anew from its first attempt. */
  #allow (send: IdempotentSend): void {
    const { clock } = this.#transport.setup
    clock.clearTimeout(send.deadline)
    send.deadline = clock.setTimeout(() => this.#reject(send, send.tried
      ? failure(send.subject, 'unknown_outcome')
      : failure(send.subject, 'disconnected', 'not sent: there was no connection')), giveUpAfter)
  }

  #reject (send: IdempotentSend, error: RequestError): void {
    this.#settle(send, () => send.outcome.reject(error))
  }

  #settle (send: IdempotentSend, tell: () => void): void {
    this.#sends = this.#sends.filter((other) => other !== send)
    this.#transport.setup.clock.clearTimeout(send.deadline)
    tell()
  }
}

function passes ({ waited }: IdempotentSend, { code }: RequestError): boolean {
  return passing.includes(code) || (waited && code === 'rate_limited')
}

/** 128 random bits. Not `crypto.randomUUID`: a page that was not loaded over TLS has none. */
function randomId (): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
