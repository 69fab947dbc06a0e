import type { Clock, Timer } from '../clock.ts'
import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../protocol/encoding.ts'
import { EncodedChange, EncodedEntries } from './encoded-entries.ts'
import type { Member } from './member.ts'

/**
 * How long changes are gathered, in milliseconds, by the number of members on this node that get them. 0 is until the
 * end of the event-loop iteration. Without it, n users who join at once cost n * n messages.
 */
const gathering = [
  { members: 100, ms: 0 },
  { members: 1_000, ms: 100 },
  { members: Infinity, ms: 1_000 }
] as const

/** The shortest time for which a room with that many members gathers changes. */
export function gatheringMs (members: number): number {
  return gathering.find((step) => members <= step.members)?.ms as number
}

export interface PresenceAnnouncementsDeps {
  readonly channel: string
  readonly clock: Clock
  readonly members: ReadonlyMap<string, Member>
  /** The users who are present now, with their data. */
  readonly current: () => ReadonlyMap<string, unknown>
}

/** The part of an announcement that concerns one member, because the ack of its join listed its user already. */
interface OwnPart { readonly user: string, readonly correction: EncodedMessage | undefined }

/**
 * What the members of a room know about its presence. Changes are gathered and announced together, so a user who joins
 * and leaves in between is not announced. The ack of a join lists what the other members know, and the joining user. So
 * it is encoded one time for all joins between two announcements, and the same announcement suits every member.
 */
export class PresenceAnnouncements {
  readonly #deps: PresenceAnnouncementsDeps
  /** The list that the members know, with data by user. */
  #announced = new Map<string, unknown>()
  #encoded: EncodedEntries | undefined
  /** Users who changed since the last announcement. */
  readonly #changed = new Set<string>()
  /** Users that acks listed before they were announced: the JSON of their data by the id of the member. */
  readonly #ownEntries = new Map<string, Map<string, string>>()
  #isGathering = false
  #timer: Timer

  constructor (deps: PresenceAnnouncementsDeps) {
    this.#deps = deps
  }

  /** Takes over the current list without announcing it, because the room has no members yet. */
  reset (): void {
    this.#announced = new Map(this.#deps.current())
    this.#encoded = undefined
  }

  /** Announces a change of the current list soon. */
  add ({ joined = [], updated = [], left = [] }: PresenceChange): void {
    for (const { user } of [...joined, ...updated]) this.#changed.add(user)
    for (const user of left) this.#changed.add(user)
    if (this.#isGathering) return
    this.#isGathering = true
    const ms = gatheringMs(this.#deps.members.size)
    if (ms === 0) setImmediate(() => this.#announce())
    else this.#timer = this.#deps.clock.setTimeout(() => this.#announce(), ms)
  }

  /** The presence list for the ack of a member's join, as JSON: what the other members know, and its own entry. */
  listFor (memberId: string, own: PresenceEntry): Buffer {
    this.#encoded ??= new EncodedEntries(this.#announced)
    const json = JSON.stringify(own.data)
    if (this.#announced.has(own.user) && JSON.stringify(this.#announced.get(own.user)) === json) {
      return this.#encoded.json
    }
    const entries = this.#ownEntries.get(own.user) ?? new Map<string, string>()
    this.#ownEntries.set(own.user, entries.set(memberId, json))
    return this.#encoded.with(own)
  }

  /** The member left the room. */
  forget (memberId: string, user: string): void {
    const entries = this.#ownEntries.get(user)
    entries?.delete(memberId)
    if (entries?.size === 0) this.#ownEntries.delete(user)
  }

  close (): void {
    this.#deps.clock.clearTimeout(this.#timer)
  }

  #announce (): void {
    this.#isGathering = false
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
