/**
 * 128 random bits. `crypto.randomUUID` does not exist in a page that was loaded without TLS. React Native has no
 * `crypto`, and its `Math.random` has a state of 31 bits, so the time is mixed in there.
 */
export function randomId (): string {
  const empty = new Uint32Array(4)
  const words = globalThis.crypto?.getRandomValues(empty) ?? empty.map(() => Math.random() * 2 ** 32 ^ Date.now())
  return Array.from(words, (word) => word.toString(36)).join('-')
}
