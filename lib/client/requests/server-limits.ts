import { listOf, numberOf, propertyOf } from '../transport/read-envelope.ts'

/** Before the server has said what it takes, larger messages wait for its `welcome`. */
const defaultMaxBytes = 65_536

/** What the server's `welcome` says of the messages that it takes. */
export class ServerLimits {
  #welcome: unknown

  /** Takes the payload of a `welcome`. */
  set (welcome: unknown): void {
    this.#welcome = welcome
  }

  /** Whether the server has sent a `welcome`. */
  get areKnown (): boolean {
    return this.#welcome !== undefined
  }

  get maxBytes (): number {
    return numberOf(propertyOf(this.#welcome, 'limits'), 'messageBytes') ?? defaultMaxBytes
  }

  /** A text has at most three bytes for each of its UTF-16 code units. */
  isTooLarge (encoded: string): boolean {
    return encoded.length * 3 > this.maxBytes && new TextEncoder().encode(encoded).length > this.maxBytes
  }

  /** Whether the server has said that it serves no channel with this address. */
  isUnknown (address: string): boolean {
    const patterns = listOf(this.#welcome, 'patterns')
    return patterns.length > 0 && !patterns.some((pattern) => matches(String(pattern), address))
  }
}

/** Whether a pattern such as `chat/:room` has this address. */
function matches (pattern: string, address: string): boolean {
  const segments = pattern.split('/')
  const parts = address.split('/')
  return parts.length === segments.length && segments.every((s, i) => s[0] === ':' ? parts[i] : parts[i] === s)
}
