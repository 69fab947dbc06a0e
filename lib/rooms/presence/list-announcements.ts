import type { PresenceChange } from '../../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../../protocol/encoding.ts'
import { maxPresenceListBytes } from '../../protocol/envelope.ts'
import { userOf, type Member } from '../member.ts'
import { AnnouncedList, type ListChange } from './announced-list.ts'
import type { Announcements, AnnouncementsDeps, PresenceAck } from './announcements.ts'
import { EncodedChange, sizeOf } from './encoded-change.ts'
import { EncodedEntries, encodeEntry } from './encoded-entries.ts'
import { Gathering } from '../gathering.ts'
import { ListPages, PageReader, WaitingPages } from './list-pages.ts'

/** The part of an announcement that concerns one member, because the ack of its join listed its user already. */
interface OwnPart { readonly user: string, readonly correction: EncodedMessage | undefined }

/** What the acks between two announcements share: the start of the list, and the pages for the rest. */
interface SharedList { readonly start: EncodedEntries, readonly pages: ListPages }

/** Sends an announcement to one member; `except` is the user whose entry the member has already. */
type Send = (member: Member, except: string | undefined) => void

/**
 * What the members of a room know about its presence. Changes are gathered and announced together, so a user who joins
 * and leaves in between is not announced. The ack of a join lists what the other members know, and the joining user. So
 * it is encoded one time for all joins between two announcements, and the same announcement suits every member. Lists
 * and changes that are too long for one message go out in pages.
 */
export class ListAnnouncements implements Announcements {
  readonly #deps: AnnouncementsDeps
  readonly #gathering: Gathering
  readonly #announced = new AnnouncedList()
  #shared: SharedList | undefined
  /** Users who changed since the last announcement. */
  readonly #changed = new Set<string>()
  /** Users that acks listed before they were announced: their entry as JSON by the id of the member. */
  readonly #ownEntries = new Map<string, Map<string, string>>()
  readonly #waitingPages = new WaitingPages()

  constructor (deps: AnnouncementsDeps) {
    this.#deps = deps
    this.#gathering = new Gathering(deps.clock, deps.members, () => this.#announce())
  }

  reset (): void {
    const current = this.#deps.current()
    this.#announced.update([...this.#announced.entries.keys(), ...current.keys()], current)
    this.#shared = undefined
  }

  add ({ joined = [], updated = [], left = [] }: PresenceChange): void {
    for (const { user } of [...joined, ...updated]) this.#changed.add(user)
    for (const user of left) this.#changed.add(user)
    this.#gathering.begin()
  }

  /** The presence list: what the other members know, and the member's own entry. */
  ackFor (member: Member, data: unknown, limit: number): PresenceAck {
    const user = userOf(member)
    const entry = encodeEntry({ user, data })
    const isListed = this.#announced.entries.get(user) === entry
    const { start, pages } = this.#share()
    const first = start.startFor([user, entry], Math.min(limit, maxPresenceListBytes), isListed)
    if (first.hasOwn && !isListed) this.#keepOwnEntry(member, entry)
    const isPartial = first.length < pages.length
    if (isPartial) {
      this.#waitingPages.send(member, [new PageReader(pages, first.length, first.hasOwn ? user : undefined)])
    }
    return { json: first.json, isPartial }
  }

  forget (member: Member): void {
    const user = userOf(member)
    const entries = this.#ownEntries.get(user)
    entries?.delete(member.id)
    if (entries?.size === 0) this.#ownEntries.delete(user)
    this.#waitingPages.forget(member)
  }

  close (): void {
    this.#gathering.stop()
  }

  #share (): SharedList {
    const { entries } = this.#announced
    this.#shared ??= {
      start: new EncodedEntries(entries, maxPresenceListBytes),
      pages: new ListPages(this.#deps.address, 'present', [...entries.keys()], this.#announced)
    }
    return this.#shared
  }

  #keepOwnEntry (member: Member, entry: string): void {
    const user = userOf(member)
    const entries = this.#ownEntries.get(user) ?? new Map<string, string>()
    this.#ownEntries.set(user, entries.set(member.id, entry))
  }

  #announce (): void {
    const own = this.#takeOwnParts()
    const change = this.#announced.update(this.#changed, this.#deps.current())
    this.#changed.clear()
    this.#shared = undefined
    const send = sizeOf(change) > maxPresenceListBytes ? this.#pagesOf(change) : this.#messageOf(change)
    for (const member of this.#deps.members.values()) {
      const part = own.get(member.id)
      send(member, part?.user)
      if (part?.correction) member.send(part.correction)
    }
  }

  #messageOf (change: ListChange): Send {
    const encoded = new EncodedChange(this.#deps.address, change)
    return (member, except) => {
      const message = except === undefined ? encoded.message : encoded.without(except)
      if (message) member.send(message)
    }
  }

  #pagesOf ({ joined, updated, left }: ListChange): Send {
    const { address } = this.#deps
    const users = (entries: ListChange['joined']) => entries.map(([user]) => user)
    const lists = [['left', left], ['updated', users(updated)], ['joined', users(joined)]] as const
    const pages = lists.filter(([, users]) => users.length > 0)
      .map(([kind, users]) => new ListPages(address, kind, users, this.#announced))
    return (member, except) => {
      this.#waitingPages.send(member, pages.map((list) => new PageReader(list, 0, except)))
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
      const entry = { user, data: current.get(user) }
      const json = encodeEntry(entry)
      const correction = this.#encode({ updated: [entry] })
      for (const [id, known] of entries) parts.set(id, { user, correction: known === json ? undefined : correction })
    }
    return parts
  }

  #encode (payload: PresenceChange): EncodedMessage {
    return encodeEnvelope({ type: 'presence', channel: this.#deps.address, payload })
  }
}
