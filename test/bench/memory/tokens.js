import { createSigner } from 'fast-jwt'

export const secret = 'a secret of the benchmark, for nothing else'

/** A token of its own for each connection. */
export function tokenOf (i) {
  return createSigner({ key: secret })({ sub: `user-${i}`, name: `User ${i}`, iat: 1_800_000_000 })
}
