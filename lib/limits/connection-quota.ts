import { isIPv6 } from 'node:net'

/** Counts the connections of each key (a user or an IP address), up to a limit. */
export class ConnectionQuota {
  readonly #limit: number
  readonly #used = new Map<string, number>()

  constructor (limit: number) {
    this.#limit = limit
  }

  /** The number of keys with a connection. */
  get size (): number {
    return this.#used.size
  }

  /** Whether a connection of the key would be counted. */
  hasRoom (key: string): boolean {
    return (this.#used.get(key) ?? 0) < this.#limit
  }

  /** Counts a connection; false when the key has reached the limit. Each success is undone by one `releaseQuota`. */
  acquireQuota (key: string): boolean {
    const used = this.#used.get(key) ?? 0
    if (used >= this.#limit) return false
    this.#used.set(key, used + 1)
    return true
  }

  releaseQuota (key: string): void {
    const used = (this.#used.get(key) as number) - 1
    if (used > 0) this.#used.set(key, used)
    else this.#used.delete(key)
  }
}

/** Something that is given back once. */
export interface Held { release (): void | Promise<void> }

/** One connection in a quota. */
class Taken implements Held {
  readonly #quota: ConnectionQuota
  readonly #key: string

  constructor (quota: ConnectionQuota, key: string) {
    this.#quota = quota
    this.#key = key
  }

  release (): void {
    this.#quota.releaseQuota(this.#key)
  }
}

/** What one attempt or connection holds, to be given back at once. */
export class HeldQuotas implements Held {
  /** Called by `end`. */
  ended: (() => void) | undefined
  #held: Held[] = []
  #isOver = false

  /** Takes a quota; false when it is used up. */
  take (quota: ConnectionQuota, key: string): boolean {
    const isTaken = quota.acquireQuota(key)
    if (isTaken) this.add(new Taken(quota, key))
    return isTaken
  }

  /** Adds what `release` gives back, which is at once after the end. */
  add (held: Held): void {
    if (this.#isOver) held.release()
    else this.#held.push(held)
  }

  /** Gives everything back. A second call changes nothing. */
  release (): void {
    const released = this.#held
    this.#held = []
    for (const held of released) held.release()
  }

  /** Gives everything back and holds nothing any more. */
  end (): void {
    this.#isOver = true
    this.release()
    this.ended?.()
  }

  /** Gives everything back, and takes over what another one holds. */
  replaceBy (other: HeldQuotas): void {
    this.release()
    const taken = other.#held.splice(0)
    // Not one by one, because a list that grows has room for 17.
    if (!this.#isOver) this.#held = taken
    else for (const held of taken) held.release()
  }
}

/**
 * What an address counts as; '' for that of a socket which is gone. A subscriber of IPv6 gets 2^64 addresses or more,
 * so the first 64 bits count (RFC 6177). An IPv4 address in IPv6 counts as itself.
 */
export function addressGroup (ip = ''): string {
  if (!ip.includes(':')) return ip
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip) ?? []
  if (mapped !== undefined || !isIPv6(ip)) return mapped ?? ip
  const [before = [], after = []] = ip.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return `${groups.map((group) => parseInt(group, 16).toString(16)).join(':')}::/64`
}
