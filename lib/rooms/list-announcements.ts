import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../protocol/encoding.ts'
import type { Announcements, AnnouncementsDeps } from './announcements.ts'
import { EncodedChange, EncodedEntries } from './encoded-entries.ts'
import { Gathering } from './gathering.ts'
import { userOf, type Member } from './member.ts'

/** The part of an announcement that concerns one member, because the ack of its join listed its user already. */
interface OwnPart { readonly user: string, readonly correction: EncodedMessage | undefined }

/**
 * What the members of a room know about its presence. Changes are gathered and announced together, so a user who joins
 * and leaves in between is not announced. The ack of a join lists what the other members know, and the joining user. So
 * it is encoded one time for all joins between two announcements, and the same announcement suits every member.
 */
export class ListAnnouncements implements Announcements {
  readonly #deps: AnnouncementsDeps
  readonly #gathering: Gathering
  /** The list that the members know, with data by user. */
  #announced = new Map<string, unknown>()
  #encoded: EncodedEntries | undefined
  /** Users who changed since the last announcement. */
  readonly #changed = new Set<string>()
  /** Users that acks listed before they were announced: the JSON of their data by the id of the member. */
  readonly #ownEntries = new Map<string, Map<string, string>>()

  constructor (deps: AnnouncementsDeps) {
    this.#deps = deps
    this.#gathering = new Gathering(deps.clock, deps.members, () => this.#announce())
  }

  reset (): void {
    this.#announced = new Map(this.#deps.current())
    this.#encoded = undefined
  }

  add ({ joined = [], updated = [], left = [] }: PresenceChange): void {
    for (const { user } of [...joined, ...updated]) this.#changed.add(user)
    for (const user of left) this.#changed.add(user)
    this.#gathering.begin()
  }

  /** The presence list: what the other members know, and the member's own entry. */
  ackFor (member: Member, data: unknown): Buffer {
    const own: PresenceEntry = { user: userOf(member), data }
    this.#encoded ??= new EncodedEntries(this.#announced)
    const json = JSON.stringify(data)
    if (this.#announced.has(own.user) && JSON.stringify(this.#announced.get(own.user)) === json) {
      return this.#encoded.json
    }
    const entries = this.#ownEntries.get(own.user) ?? new Map<string, string>()
    this.#ownEntries.set(own.user, entries.set(member.id, json))
    return this.#encoded.with(own)
  }

  forget (member: Member): void {
    const user = userOf(member)
    const entries = this.#ownEntries.get(user)
    entries?.delete(member.id)
    if (entries?.size === 0) this.#ownEntries.delete(user)
  }

  close (): void {
    this.#gathering.stop()
  }

  #announce (): void {
    const own = this.#takeOwnParts()
    const change = new EncodedChange(this.#deps.channel, this.#takeChange())
    if (!change.message && own.size === 0) return
    for (const member of this.#deps.members.values()) {
      const part = own.get(member.id)
      const message = part ? change.without(part.user) : change.message
      if (message) member.send(message)
      if (part?.correction) member.send(part.correction)
    }
  }

  /** By the id of the member. A correction is necessary when the user's data changed after the ack. */
  #takeOwnParts (): Map<string, OwnPart> {
    const current = this.#deps.current()
    const parts = new Map<string, OwnPart>()
    for (const user of this.#changed) {
      const entries = this.#ownEntries.get(user)
      if (!entries || !current.has(user)) continue
      this.#ownEntries.delete(user)
      const data = current.get(user)
      const json = JSON.stringify(data)
      const correction = this.#encode({ updated: [{ user, data }] })
      for (const [id, known] of entries) parts.set(id, { user, correction: known === json ? undefined : correction })
    }
    return parts
  }

  /** The difference between the current list and the announced one, which becomes the current one. */
  #takeChange (): Required<PresenceChange> {
    const current = this.#deps.current()
    const joined: PresenceEntry[] = []
    const updated: PresenceEntry[] = []
    const left: string[] = []
    for (const user of this.#changed) {
      const data = current.get(user)
      if (!current.has(user)) {
        if (this.#announced.delete(user)) left.push(user)
      } else if (!this.#announced.has(user)) joined.push({ user, data })
      else if (JSON.stringify(this.#announced.get(user)) !== JSON.stringify(data)) updated.push({ user, data })
    }
    for (const { user, data } of [...joined, ...updated]) this.#announced.set(user, data)
    this.#changed.clear()
    this.#encoded = undefined
    return { joined, updated, left }
  }

  #encode (payload: PresenceChange): EncodedMessage {
    return encodeEnvelope({ type: 'presence', channel: this.#deps.channel, payload })
  }
}
