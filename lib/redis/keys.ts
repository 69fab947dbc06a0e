/** The parts that name pub/sub channels. */
const pubsubParts: readonly string[] = ['pubsub', 'nodes-pubsub', 'answers', 'probe']

/**
 * The names of keys and pub/sub channels. Names that one script uses share a hash tag: all names of one channel, all of
 * one user, all about nodes. The braces and percent signs of a given name are encoded, so that it can neither end its
 * tag nor equal another name. Redis separates the keys of its databases but not their pub/sub, so the names of pub/sub
 * channels have the number of the database.
 */
export class Keys {
  readonly #prefix: string
  readonly #pubsubSuffix: string

  constructor (prefix: string, database = 0) {
    this.#prefix = prefix
    this.#pubsubSuffix = database === 0 ? '' : `@${database}`
  }

  ofChannel (channel: string, part: string): string {
    return this.#name('c', channel, part)
  }

  /** The pub/sub channel that carries everything about one channel. */
  pubsubOf (channel: string): string {
    return this.ofChannel(channel, 'pubsub')
  }

  /** The KEYS of the history scripts, in their order. */
  ofHistory (channel: string): string[] {
    return ['history', 'stream', 'ids0', 'ids1'].map((part) => this.ofChannel(channel, part))
  }

  /** The KEYS of the presence scripts, in their order: see presence/presence-state-lua.ts. */
  ofPresence (channel: string, incarnation: string): string[] {
    const parts = ['presence', 'refs', 'data', 'graces', 'incarnations']
    parts.push(`entries:${incarnation}`, `dead:${incarnation}`, 'pubsub')
    return parts.map((part) => this.ofChannel(channel, part))
  }

  ofUser (userId: string, part: string): string {
    return this.#name('u', userId, part)
  }

  /** Names about one node: its answers and its probes. */
  ofNode (nodeId: string, part: string): string {
    return this.#name('n', nodeId, part)
  }

  /** Names that all nodes share, in one slot. */
  shared (part: string): string {
    return this.#name('n', '', part)
  }

  /** The index of the channels in which an incarnation has presence entries or grace periods. */
  indexOf (incarnation: string): string {
    return this.shared(`index:${incarnation}`)
  }

  #name (kind: string, name: string, part: string): string {
    const suffix = pubsubParts.includes(part) ? this.#pubsubSuffix : ''
    return `${this.#prefix}:{${kind}:${name.replace(/[{}%]/g, encodeURIComponent)}}:${part}${suffix}`
  }
}
