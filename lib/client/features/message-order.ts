import type { Envelope } from '../../protocol/envelope.ts'

/** The messages that one node publishes to a channel, and the number of this one among all of that node. */
function placeOf ({ id = '', channel }: Envelope): [source: string, count: number] {
  const [node, count = ''] = id.split('.')
  return [`${node} ${channel}`, Number.parseInt(count, 36)]
}

/** How many sources are remembered: each is a node's name and the address of a channel. */
const maxSources = 1_000

/**
 * The order of ephemeral messages of a client that changes its connection.
 *
 * While it has two connections, it gets messages over both. They are delivered as they come over the old one, so that
 * their order holds. One that comes over the new one alone is delivered before the next one of its node and channel, or
 * at the end; it is dropped when that next one was there before.
 *
 * A client that lost its connection may get a message again from another node, which got it late: one that a node sent
 * before what has already been delivered is dropped.
 */
export class MessageOrder {
  /** The newest message of each source that was delivered, by its number. */
  readonly #newest = new Map<string, number>()
  /** What is not newer than these is dropped: the same map while there are two connections. */
  #dropped: ReadonlyMap<string, number> = this.#newest
  #held: Envelope[] = []

  /**
   * Takes a message. Returns what is to be delivered now, in order.
   * @param isTwice whether it came over the new connection, and comes over the old one as well
   */
  take (envelope: Envelope, isTwice: boolean): Envelope[] {
    if (envelope.id === undefined || 'prev' in envelope) return [envelope]
    const [source, count] = placeOf(envelope)
    if (count <= (this.#dropped.get(source) ?? 0)) return []
    if (isTwice) {
      this.#held.push(envelope)
      return []
    }
    this.#note(source, count)
    const isEarlier = (held: Envelope) => {
      const [other, number] = placeOf(held)
      return other === source && number < count
    }
    const earlier = this.#held.filter(isEarlier)
    this.#held = this.#held.filter((held) => !isEarlier(held) && held.id !== envelope.id)
    return [...earlier, envelope]
  }

  /** There are two connections now. */
  begin (): void {
    this.#dropped = this.#newest
  }

  /** There is one connection, another one than before. Returns what came over the new one of two alone. */
  end (): Envelope[] {
    const held = this.#held
    this.#held = []
    for (const envelope of held) this.#note(...placeOf(envelope))
    this.#dropped = new Map(this.#newest)
    return held
  }

  #note (source: string, count: number): void {
    const newest = this.#newest
    newest.set(source, Math.max(count, newest.get(source) ?? 0))
    if (newest.size > maxSources) newest.delete(newest.keys().next().value as string)
  }
}
