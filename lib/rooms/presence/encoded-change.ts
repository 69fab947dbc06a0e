import { encodeEnvelopeWith, type EncodedMessage } from '../../protocol/encoding.ts'
import type { ListChange } from './announced-list.ts'
import { EncodedEntries } from './encoded-entries.ts'

/** The size of a change in one message, in bytes. */
export function sizeOf ({ joined, updated, left }: ListChange): number {
  const items = [...joined, ...updated].map(([, json]) => json)
  return [...items, ...left].reduce((bytes, text) => bytes + Buffer.byteLength(text) + ',""'.length, 0)
}

/** A `presence` message. It is encoded one time, and the messages without one user are cut from the same bytes. */
export class EncodedChange {
  /** Undefined when nothing changed. */
  readonly message: EncodedMessage | undefined
  readonly #channel: string
  readonly #joined: EncodedEntries
  readonly #updated: EncodedEntries
  readonly #left: Buffer

  constructor (channel: string, { joined, updated, left }: ListChange) {
    this.#channel = channel
    this.#joined = new EncodedEntries(joined)
    this.#updated = new EncodedEntries(updated)
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
