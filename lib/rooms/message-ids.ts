import { randomBytes } from 'node:crypto'

/**
 * The ids of the ephemeral messages that this node publishes: the node, by 32 random bits, and a counter. A client that
 * has two connections for a moment knows by them which messages it got twice.
 */
export class MessageIds {
  readonly #node = randomBytes(4).toString('base64url')
  #count = 0

  next (): string {
    return `${this.#node}.${(++this.#count).toString(36)}`
  }
}
