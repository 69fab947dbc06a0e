import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'

/** Milliseconds after the last join: messages may still be on their way over the old connection. */
const lingerMs = 1_000

export interface HandoverDeps {
  /** Whether a channel is not joined on the new connection, or a reply is awaited on the old one. */
  readonly isBusy: () => boolean
  readonly finish: () => void
}

/**
 * The time in which a client has two connections, and gets ephemeral messages over both. They are delivered as they
 * come over the old one, so that their order holds; those that come over the new one alone follow at the end.
 */
export class Handover {
  readonly #clock: Clock
  readonly #deps: HandoverDeps
  readonly #delivered = new Set<string>()
  readonly #held = new Map<string, Envelope>()
  #timer: Timer
  #isOver = false

  constructor (clock: Clock, deps: HandoverDeps) {
    this.#clock = clock
    this.#deps = deps
    this.restart()
  }

  /** A channel was joined, or left: the old connection stays for another second at least. */
  restart (): void {
    this.#clock.clearTimeout(this.#timer)
    if (this.#isOver) return
    const end = () => this.#deps.isBusy() ? this.restart() : this.#deps.finish()
    this.#timer = this.#clock.setTimeout(end, lingerMs)
  }

  /**
   * Whether a message is to be delivered now.
   * @param isTwice whether it came over the new connection, and comes over the old one as well
   */
  takes (envelope: Envelope, isTwice: boolean): boolean {
    const { id } = envelope
    if (id === undefined || 'prev' in envelope) return true
    if (this.#delivered.has(id)) return false
    if (isTwice && !this.#isOver) {
      this.#held.set(id, envelope)
      return false
    }
    if (this.#isOver) return true
    this.#held.delete(id)
    this.#delivered.add(id)
    return true
  }

  /** There is one connection again. Returns what came over the new one alone; undefined when it was over before. */
  end (): Envelope[] | undefined {
    if (this.#isOver) return undefined
    this.#isOver = true
    this.restart()
    return [...this.#held.values()]
  }
}
