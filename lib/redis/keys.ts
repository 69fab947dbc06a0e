/**
 * The names of keys and pub/sub channels. What must be handled in one step shares a hash tag: all of one channel, all of one user, all that
 * is about nodes. A name from outside cannot end its tag, nor look like another one's.
 */
export class Keys {
  readonly #prefix: string

  constructor (prefix: string) {
    this.#prefix = prefix
  }

  ofChannel (channel: string, part: string): string {
    return this.#name('c', channel, part)
  }

  /** The KEYS of a channel's presence scripts, in their order: see presence-state.lua. */
  ofPresence (channel: string, incarnation: string): string[] {
    return ['presence', 'refs', 'data', 'graces', 'incarnations', `entries:${incarnation}`, `dead:${incarnation}`, 'pubsub']
      .map((part) => this.ofChannel(channel, part))
  }

  ofUser (user: string, part: string): string {
    return this.#name('u', user, part)
  }

  /** What is about one node: its inbox. */
  ofNode (node: string, part: string): string {
    return this.#name('n', node, part)
  }

  /** What all nodes share, in one slot. */
  shared (part: string): string {
    return this.#name('n', '', part)
  }

  #name (kind: string, name: string, part: string): string {
    return `${this.#prefix}:{${kind}:${name.replace(/[{}%]/g, encodeURIComponent)}}:${part}`
  }
}
