import type { Membership } from './membership.ts'

export interface Sent {
  /** What all messages have in common of which a slow client may get the newest one only; else the message's own. */
  readonly key: string
  /** Of the messages with this key, the newest of each sender counts. */
  readonly sender: string
  /** What `Membership.heard` has once it arrived. */
  readonly message: string
  /** The memberships that had begun before it was sent. */
  readonly receivers: readonly Membership[]
}

/** The acked ephemeral messages of a channel that every healthy member must get. */
export class EphemeralMessages {
  readonly #sent = new Map<string, Sent>()
  #acked: Sent[] = []

  /** A message is about to be sent. `id`: that of the request. */
  send (id: string, sent: Sent): void {
    this.#sent.set(id, sent)
  }

  ack (id: string): void {
    const sent = this.#sent.get(id)
    if (sent) this.#acked.push(sent)
    this.#sent.delete(id)
  }

  /** The messages that a current member lacks. */
  missing (isCurrent: (membership: Membership) => boolean): string[] {
    const newest = new Map(this.#acked.map((sent) => [JSON.stringify([sent.key, sent.sender]), sent]))
    const byKey = new Map<string, Sent[]>()
    for (const sent of newest.values()) byKey.set(sent.key, [...byKey.get(sent.key) ?? [], sent])
    return [...byKey.values()].filter((any) => {
      const receivers = new Set(any.flatMap(({ receivers }) => receivers).filter(isCurrent))
      return [...receivers].some((member) =>
        any.every((sent) => sent.receivers.includes(member)) && !any.some(({ message }) => member.heard.has(message)))
    }).map(([sent]) => (sent as Sent).message)
  }

  /** All of them arrived, or their receivers are gone. */
  settle (): void {
    this.#acked = []
  }
}
