import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import { encodeEnvelopeWith, jsonList, type EncodedMessage } from '../protocol/encoding.ts'

/**
 * A JSON list of presence entries. It is encoded one time, and lists with or without one user are cut from the same
 * bytes, because a thousand joining users each get a list that differs by one entry.
 */
export class EncodedEntries {
  readonly json: Buffer
  readonly #spans = new Map<string, readonly [start: number, end: number]>()

  constructor (entries: Iterable<readonly [user: string, data: unknown]>) {
    const items: string[] = []
    let end = 0
    for (const [user, data] of entries) {
      const item = JSON.stringify({ user, data })
      // Behind the bracket or the comma.
      const start = end + 1
      end = start + Buffer.byteLength(item)
      this.#spans.set(user, [start, end])
      items.push(item)
    }
    this.json = Buffer.from(`[${items.join(',')}]`)
  }

  /** The list without the entry of a user. */
  without (user: string): Buffer {
    const span = this.#spans.get(user)
    if (!span) return this.json
    const [start, end] = span
    // Its comma stands before it, that of the first entry behind it.
    const cutEnd = start > 1 ? end : Math.min(end + 1, this.json.length - 1)
    return Buffer.concat([this.json.subarray(0, Math.max(start - 1, 1)), this.json.subarray(cutEnd)])
  }

  /** The list with this entry instead of the user's own one, or added to it. */
  with (entry: PresenceEntry): Buffer {
    const others = this.without(entry.user).subarray(1, -1)
    return jsonList([...others.length > 0 ? [others] : [], Buffer.from(JSON.stringify(entry))])
  }
}

/** A `presence` message. It is encoded one time, and the messages without one user are cut from the same bytes. */
export class EncodedChange {
  /** Undefined when nothing changed. */
  readonly message: EncodedMessage | undefined
  readonly #channel: string
  readonly #joined: EncodedEntries
  readonly #updated: EncodedEntries
  readonly #left: Buffer

  constructor (channel: string, { joined, updated, left }: Required<PresenceChange>) {
    this.#channel = channel
    this.#joined = new EncodedEntries(joined.map(({ user, data }) => [user, data]))
    this.#updated = new EncodedEntries(updated.map(({ user, data }) => [user, data]))
    this.#left = Buffer.from(JSON.stringify(left))
    this.message = this.#encode(this.#joined.json, this.#updated.json)
  }

  /** The message for a member who knows the entry of this user already. Undefined when nothing else changed. */
  without (user: string): EncodedMessage | undefined {
    return this.#encode(this.#joined.without(user), this.#updated.without(user))
  }

  #encode (joined: Buffer, updated: Buffer): EncodedMessage | undefined {
    const lists = Object.entries({ joined, updated, left: this.#left }).filter(([, json]) => json.length > '[]'.length)
    if (lists.length === 0) return undefined
    const envelope = { type: 'presence', channel: this.#channel, payload: {} }
    return encodeEnvelopeWith(envelope, Object.fromEntries(lists))
  }
}
