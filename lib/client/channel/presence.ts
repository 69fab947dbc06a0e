import type {
  JoinAck, PresenceChange, PresenceCount, PresenceEntry, PresencePage
} from '../../protocol/control-messages.ts'

/** The difference between two presence lists. */
export type Difference = Required<PresenceChange>

/** The presence list of one channel, or the number of its users, as the contract says. */
export type View = readonly PresenceEntry[] | PresenceCount

export type PresenceListener = (presence: View, change?: Difference) => void

/** The payload of a `presence` message. */
export type PresenceMessage = PresenceChange | PresencePage | PresenceCount

/** The presence of one channel. Each change makes a new list, so a list that was read never changes. */
export class Presence {
  view: View = []
  readonly #changed: PresenceListener

  constructor (changed: PresenceListener) {
    this.#changed = changed
  }

  /** Takes the presence in the ack of a join. */
  replace (ack: JoinAck | undefined): void {
    this.#set(ack?.presence ?? [])
  }

  /** Takes the payload of a `presence` message. An updated user keeps its position in the list. */
  change (payload: PresenceMessage): void {
    if ('count' in payload) return this.#set(payload)
    // `present` is a further page of the list, which was too long for the ack.
    const { present, joined = [], updated = [], left = [] } = payload as PresencePage & PresenceChange
    const entries = new Map((this.view as readonly PresenceEntry[]).map((entry) => [entry.user, entry]))
    for (const user of left) entries.delete(user)
    for (const entry of present ?? [...joined, ...updated]) entries.set(entry.user, entry)
    this.#set([...entries.values()], present ? undefined : { joined, updated, left })
  }

  #set (view: View, change?: Difference): void {
    this.view = view
    this.#changed(view, change)
  }
}
