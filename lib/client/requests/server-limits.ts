import type { Welcome } from '../../protocol/control-messages.ts'

/** Whether the server takes no message of this length. A text has at most three bytes for each UTF-16 code unit. */
export function isTooLarge (encoded: string, messageBytes: number): boolean {
  return encoded.length * 3 > messageBytes && new TextEncoder().encode(encoded).length > messageBytes
}

/** Whether the route of the server has said that it has no channel with this address. */
export function isUnknown (address: string, welcome: Partial<Welcome> | undefined): boolean {
  return welcome?.patterns?.some((pattern) => matches(pattern, address)) === false
}

/** Whether a pattern such as `chat/:room` has this address. */
export function matches (pattern: string, address: string): boolean {
  const segments = pattern.split('/')
  const parts = address.split('/')
  return parts.length === segments.length && segments.every((s, i) => s[0] === ':' ? parts[i] : parts[i] === s)
}
