import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'

/** Milliseconds after the last join: messages may still be on their way over the old connection. */
const lingerMs = 1_000

export interface HandoverDeps {
  /** Whether a channel is not joined on the new connection, or a reply is awaited on the old one. */
  readonly isBusy: () => boolean
  readonly finish: () => void
}

/** The messages that one node publishes to a channel, and the number of this one among all of that node. */
function placeOf ({ id = '', channel }: Envelope): [source: string, count: number] {
  const [node, count = ''] = id.split('.')
  return [`${node} ${channel}`, Number.parseInt(count, 36)]
}

/**
 * The time in which a client has two connections, and gets ephemeral messages over both. They are delivered as they
 * come over the old one, so that their order holds. One that comes over the new one alone is delivered before the next
 * one of its node and channel, or at the end; it is dropped when that next one was there before.
 */
export class Handover {
  readonly #clock: Clock
  readonly #deps: HandoverDeps
  /** The newest message of each source that was delivered, by its number. */
  readonly #newest = new Map<string, number>()
  #held: Envelope[] = []
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
   * Takes a message. Returns what is to be delivered now, in order.
   * @param isTwice whether it came over the new connection, and comes over the old one as well
   */
  take (envelope: Envelope, isTwice: boolean): Envelope[] {
    if (envelope.id === undefined || 'prev' in envelope) return [envelope]
    const [source, count] = placeOf(envelope)
    const newest = this.#newest.get(source) ?? 0
    if (count <= newest) return []
    if (this.#isOver) return [envelope]
    if (isTwice) {
      this.#held.push(envelope)
      return []
    }
    this.#newest.set(source, count)
    const isEarlier = (held: Envelope) => {
      const [other, number] = placeOf(held)
      return other === source && number < count
    }
    const earlier = this.#held.filter(isEarlier)
    this.#held = this.#held.filter((held) => !isEarlier(held) && held.id !== envelope.id)
    return [...earlier, envelope]
  }

  /** There is one connection again. Returns what came over the new one alone; undefined when it was over before. */
  end (): Envelope[] | undefined {
    if (this.#isOver) return undefined
    this.#isOver = true
    this.restart()
    return this.#held
  }
}
