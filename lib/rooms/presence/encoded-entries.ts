import type { PresenceEntry } from '../../protocol/control-messages.ts'
import { jsonList } from '../../protocol/encoding.ts'

/** A user and its entry as JSON. */
export type EncodedEntry = readonly [user: string, json: string]

export function encodeEntry ({ user, data }: PresenceEntry): string {
  return JSON.stringify({ user, data })
}

/** The start of a list in the ack of a join. */
export interface ListStart {
  readonly json: Buffer
  /** How many of the users are on it, or come before one that is not. */
  readonly length: number
  /** Whether the joining user is on it. */
  readonly hasOwn: boolean
}

/**
 * A JSON list of presence entries, up to a size. It is encoded one time, and lists with or without one user are cut
 * from the same bytes, because a thousand joining users each get a list that differs by one entry.
 */
export class EncodedEntries {
  readonly json: Buffer
  readonly #indexes = new Map<string, number>()
  /** Where each entry ends in `json`. Each starts behind a bracket or a comma. */
  readonly #ends: number[] = []

  /** @param limit the largest size of `json` in bytes */
  constructor (entries: Iterable<EncodedEntry>, limit = Infinity) {
    const items: string[] = []
    let end = 0
    for (const [user, item] of entries) {
      end += 1 + Buffer.byteLength(item)
      if (end + 1 > limit) break
      this.#indexes.set(user, this.#ends.push(end) - 1)
      items.push(item)
    }
    this.json = Buffer.from(`[${items.join(',')}]`)
  }

  /** How many entries are in `json`. */
  get length (): number {
    return this.#ends.length
  }

  /** The list without the entry of a user. */
  without (user: string): Buffer {
    return this.#indexes.has(user) ? jsonList(this.#others(user, this.length)) : this.json
  }

  /** The list for a joining user, up to `limit` bytes. `isListed`: the whole list has that entry already. */
  startFor ([user, json]: EncodedEntry, limit: number, isListed: boolean): ListStart {
    if (isListed && this.#indexes.has(user) && this.json.length <= limit) {
      return { json: this.json, length: this.length, hasOwn: true }
    }
    const own = Buffer.from(json)
    const length = this.#lengthWithin(limit - own.length - 1)
    const hasOwn = own.length + 2 <= limit
    return { json: jsonList([...this.#others(user, length), ...hasOwn ? [own] : []]), length, hasOwn }
  }

  /** How many entries fit into a list of that many bytes. */
  #lengthWithin (limit: number): number {
    let length = this.length
    while (length > 0 && this.#endOf(length - 1) + 1 > limit) length--
    return length
  }

  /** The first entries, without that of a user, as the items of a list: one for each run of entries. */
  #others (user: string, length: number): Buffer[] {
    const index = this.#indexes.get(user) ?? length
    const runs = index < length ? [this.#run(0, index), this.#run(index + 1, length)] : [this.#run(0, length)]
    return runs.filter((run) => run.length > 0)
  }

  /** The entries from one to before another, with the commas between them. */
  #run (from: number, to: number): Buffer {
    return to > from ? this.json.subarray(this.#endOf(from - 1) + 1, this.#endOf(to - 1)) : Buffer.alloc(0)
  }

  #endOf (index: number): number {
    return this.#ends[index] ?? 0
  }
}
