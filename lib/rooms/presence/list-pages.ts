import { encodeEnvelopeWith, jsonList, type EncodedMessage } from '../../protocol/encoding.ts'
import { maxPresenceListBytes } from '../../protocol/envelope.ts'
import type { PageSource } from '../../protocol/when-slow.ts'
import type { Member } from '../member.ts'
import type { AnnouncedList } from './announced-list.ts'

/** The list of a `presence` message that goes out in pages. `present`: the rest of the list in the ack of a join. */
export type PagedKind = 'present' | 'joined' | 'updated' | 'left'

interface Page {
  /** Undefined where nothing is left to be said of its users. */
  readonly message: EncodedMessage | undefined
  /** The index of the first user of the next page. */
  readonly next: number
}

/**
 * Users whose entries are too long for one message. A page is made when it is sent, from what is announced by then. So
 * the list is not copied, and a page never says older things of a user than the changes that were sent before it.
 * Members who get the same page at the same time share its bytes.
 */
export class ListPages {
  readonly #channel: string
  readonly #kind: PagedKind
  readonly #users: readonly string[]
  readonly #announced: AnnouncedList
  /** By the index of their first user. */
  readonly #pages = new Map<number, { readonly next: number, readonly message: WeakRef<EncodedMessage> }>()
  #version = -1

  constructor (channel: string, kind: PagedKind, users: readonly string[], announced: AnnouncedList) {
    this.#channel = channel
    this.#kind = kind
    this.#users = users
    this.#announced = announced
  }

  /** The number of users. */
  get length (): number {
    return this.#users.length
  }

  /** The page whose first user has that index. The entry of one user can be left out. */
  page (from: number, except: string | undefined): Page {
    if (this.#version !== this.#announced.version) this.#pages.clear()
    this.#version = this.#announced.version
    const kept = this.#pages.get(from)
    const message = kept?.message.deref()
    const page = kept && message ? { next: kept.next, message } : this.#encode(from)
    if (page.message) this.#pages.set(from, { next: page.next, message: new WeakRef(page.message) })
    const hasUser = except !== undefined && this.#users.slice(from, page.next).includes(except)
    return hasUser ? this.#encode(from, except) : page
  }

  #encode (from: number, except?: string): Page {
    const items: Buffer[] = []
    let next = from
    for (let bytes = 2; next < this.#users.length; next++) {
      const user = this.#users[next] as string
      const item = Buffer.from(this.#itemFor(user) ?? '')
      bytes += item.length + 1
      if (bytes > maxPresenceListBytes && next > from) break
      if (item.length > 0 && user !== except) items.push(item)
    }
    return { next, message: this.#message(items, next === this.#users.length) }
  }

  #itemFor (user: string): string | undefined {
    if (this.#kind !== 'left') return this.#announced.entries.get(user)
    return this.#announced.entries.has(user) ? undefined : JSON.stringify(user)
  }

  #message (items: readonly Buffer[], isLast: boolean): EncodedMessage | undefined {
    const isPresent = this.#kind === 'present'
    if (items.length === 0 && !isPresent) return undefined
    const payload = isPresent && !isLast ? { more: true } : {}
    return encodeEnvelopeWith({ type: 'presence', channel: this.#channel, payload }, { [this.#kind]: jsonList(items) })
  }
}

/** Reads the pages of a list for one member. */
export class PageReader {
  readonly #pages: ListPages
  readonly #except: string | undefined
  #next: number

  /** @param except a user whose entry the member has already */
  constructor (pages: ListPages, from: number, except: string | undefined) {
    this.#pages = pages
    this.#next = from
    this.#except = except
  }

  get isOver (): boolean {
    return this.#next === this.#pages.length
  }

  /** The next page, made now; undefined after the last one. */
  read (): EncodedMessage | undefined {
    while (!this.isOver) {
      const { message, next } = this.#pages.page(this.#next, this.#except)
      this.#next = next
      if (message) return message
    }
  }
}

/** A member with so many lists to read gets the next one at once, and its send queue decides whether it is too slow. */
const maxWaitingLists = 8

/** The lists that members have still to read. */
export class WaitingPages implements PageSource {
  /** By the id of the member. */
  readonly #readers = new Map<string, readonly PageReader[]>()

  send (member: Member, readers: readonly PageReader[]): void {
    const waiting = (this.#readers.get(member.id) ?? []).filter(({ isOver }) => !isOver)
    if (waiting.length + readers.length > maxWaitingLists) return sendAll(member, readers)
    this.#readers.set(member.id, [...waiting, ...readers])
    member.sendPages(this)
  }

  nextPage (memberId: string): EncodedMessage | undefined {
    for (const reader of this.#readers.get(memberId) ?? []) {
      const page = reader.read()
      if (page) return page
    }
    this.#readers.delete(memberId)
  }

  forget ({ id }: Member): void {
    this.#readers.delete(id)
  }
}

function sendAll (member: Member, readers: readonly PageReader[]): void {
  for (const reader of readers) {
    for (let page = reader.read(); page; page = reader.read()) member.send(page)
  }
}
