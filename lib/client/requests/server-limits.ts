import type { Welcome } from '../../protocol/control-messages.ts'

/** Before the server has said what it takes, larger messages wait for its `welcome`. */
const defaultMaxBytes = 65_536

/** What the server's `welcome` says of the messages that it takes. */
export class ServerLimits {
  #welcome: Partial<Welcome> | undefined

  /** Takes the payload of a `welcome`. */
  set (welcome: Partial<Welcome>): void {
    this.#welcome = welcome
  }

  /** Whether the server has sent a `welcome`. */
  get areKnown (): boolean {
    return this.#welcome !== undefined
  }

  get maxBytes (): number {
    return this.#welcome?.limits?.messageBytes ?? defaultMaxBytes
  }

  /** A text has at most three bytes for each of its UTF-16 code units. */
  isTooLarge (encoded: string): boolean {
    return encoded.length * 3 > this.maxBytes && new TextEncoder().encode(encoded).length > this.maxBytes
  }

  /** Whether the server has said that it serves no channel with this address. */
  isUnknown (address: string): boolean {
    return this.#welcome?.patterns?.some((pattern) => matches(pattern, address)) === false
  }
}

/** Whether a pattern such as `chat/:room` has this address. */
function matches (pattern: string, address: string): boolean {
  const segments = pattern.split('/')
  const parts = address.split('/')
  return parts.length === segments.length && segments.every((s, i) => s[0] === ':' ? parts[i] : parts[i] === s)
}
