import type { Envelope } from '../../protocol/envelope.ts'

/** The messages that one node publishes to a channel, and the number of this one among all of that node. */
function placeOf ({ id = '', channel }: Envelope): [source: string, count: number] {
  const [node, count = ''] = id.split('.')
  return [`${node} ${channel}`, Number.parseInt(count, 36)]
}

/**
 * The order of ephemeral messages while a client has two connections, and gets them over both. They are delivered as
 * they come over the old one, so that their order holds. One that comes over the new one alone is delivered before the
 * next one of its node and channel, or at the end; it is dropped when that next one was there before.
 */
export class MessageOrder {
  /** The newest message of each source that was delivered, by its number. */
  readonly #newest = new Map<string, number>()
  #held: Envelope[] = []
  #isOver = false

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

  /** There is one connection again. Returns what came over the new one alone. */
  end (): Envelope[] {
    this.#isOver = true
    return this.#held
  }
}
