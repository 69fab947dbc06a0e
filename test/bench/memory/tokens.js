import { createSigner } from 'fast-jwt'

export const secret = 'a secret of the benchmark, for nothing else'

/** Tokens of different users. */
export function signerOf (key) {
  const sign = createSigner({ key })
  return (i) => sign({ sub: `user-${i}`, name: `User ${i}`, iat: 1_800_000_000 })
}
