import type { WhenSlow } from '../protocol/when-slow.ts'
import { ContractError } from './contract-error.ts'
import type { FromServerDefinition } from './define-channel.ts'

/**
 * Compiles `whenSlow` to a function of the payload. Within one connection a key has to tell messages apart: so it holds
 * the type as well.
 * @throws {ContractError}
 */
export function compileWhenSlow (declared: FromServerDefinition['whenSlow'], logged: boolean, type: string, spot: string): (payload: unknown) => WhenSlow {
  if (declared === undefined || declared === 'disconnect') return () => undefined
  if (logged) return skips(declared, spot)
  if (declared === 'drop') return () => 'drop'
  if (typeof declared !== 'object' || typeof declared?.latest !== 'string' || !declared.latest.startsWith('/')) {
    throw new ContractError(spot, "must be 'disconnect', 'drop' or { latest: '/pointer/into/payload' }: the message is not logged")
  }
  const path = declared.latest.slice(1).split('/').map(unescape)
  return (payload) => ({ latest: `${type} ${JSON.stringify(path.reduce(member, payload))}` })
}

/** Who skips catches up from the log; what is in the log cannot be dropped one by one. */
function skips (declared: unknown, spot: string): () => WhenSlow {
  if (declared !== 'skip') throw new ContractError(spot, "must be 'disconnect' or 'skip': the message is logged")
  return () => 'skip'
}

/** RFC 6901 section 4. */
function unescape (token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

function member (value: unknown, key: string): unknown {
  return (value as Record<string, unknown> | undefined | null)?.[key]
}
