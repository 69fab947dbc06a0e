import type { Envelope } from '../../protocol/envelope.ts'

/** One message from its arrival to its single reply. */
export class InboundMessage {
  readonly envelope: Envelope
  /** Set with the reply, so that there is exactly one. */
  answered = false
  /** Of the last entry that its handler appended to its channel's log. */
  offset: number | undefined
  #aborted = false
  #controller: AbortController | undefined

  constructor (envelope: Envelope) {
    this.envelope = envelope
  }

  /** Nobody wants the outcome any more: it came too late, or the connection is gone. */
  get aborted (): boolean {
    return this.#aborted
  }

  /** Made on demand: most handlers never ask. */
  get signal (): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  abort (): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}
