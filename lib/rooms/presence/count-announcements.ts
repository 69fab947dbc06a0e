import type { PresenceCount } from '../../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../../protocol/encoding.ts'
import type { Announcements, AnnouncementsDeps, PresenceAck } from './announcements.ts'
import { Gathering } from '../gathering.ts'
import { userOf, type Member } from '../member.ts'

/** What the ack of a member's join said. */
interface Acked { readonly user: string, readonly count: number }

/** The number of present users, as the members of a room know it. They learn a new number, and never who it is. */
export class CountAnnouncements implements Announcements {
  readonly #deps: AnnouncementsDeps
  readonly #gathering: Gathering
  /** What members know who are not in `#acked`. */
  #announced = 0
  readonly #acked = new Map<string, Acked>()

  constructor (deps: AnnouncementsDeps) {
    this.#deps = deps
    this.#gathering = new Gathering(deps.clock, deps.members, () => this.#announce())
  }

  reset (): void {
    this.#announced = this.#deps.current().size
  }

  add (): void {
    this.#gathering.begin()
  }

  /** Counts the member's user even before the adapter announces it. */
  ackFor (member: Member): PresenceAck {
    const user = userOf(member)
    const count = this.#countFor(user)
    this.#acked.set(member.id, { user, count })
    const presence: PresenceCount = { count }
    return { json: Buffer.from(JSON.stringify(presence)), isPartial: false }
  }

  forget (member: Member): void {
    this.#acked.delete(member.id)
  }

  close (): void {
    this.#gathering.stop()
  }

  #announce (): void {
    const messages = new Map<number, EncodedMessage>()
    for (const member of this.#deps.members.values()) {
      const count = this.#learn(member.id)
      if (count === undefined) continue
      const encoded = messages.get(count) ?? this.#encode(count)
      messages.set(count, encoded)
      member.send(encoded)
    }
    this.#announced = this.#deps.current().size
  }

  /** The number that is new for a member; undefined when it knows the number. */
  #learn (id: string): number | undefined {
    const current = this.#deps.current()
    const acked = this.#acked.get(id)
    const count = acked ? this.#countFor(acked.user) : current.size
    const known = acked?.count ?? this.#announced
    if (acked && current.has(acked.user)) this.#acked.delete(id)
    else if (acked) this.#acked.set(id, { ...acked, count })
    return count === known ? undefined : count
  }

  #countFor (user: string): number {
    const current = this.#deps.current()
    return current.has(user) ? current.size : current.size + 1
  }

  #encode (count: number): EncodedMessage {
    const payload: PresenceCount = { count }
    return encodeEnvelope({ type: 'presence', channel: this.#deps.address, payload })
  }
}
