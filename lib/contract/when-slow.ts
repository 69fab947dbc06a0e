import type { WhenSlow } from '../protocol/frame.ts'
import { ContractError } from './contract-error.ts'
import type { FromServerDefinition } from './definition.ts'

/**
 * Compiles `whenSlow` to a function of the payload. Within one connection a key has to tell messages apart: so it holds
 * the type as well.
 * @throws {ContractError}
 */
export function compileWhenSlow (declared: FromServerDefinition['whenSlow'], type: string, spot: string): (payload: unknown) => WhenSlow {
  // Who skips needs a log to catch up from.
  if (declared === undefined || declared === 'disconnect' || declared === 'skip') return () => undefined
  if (declared === 'drop') return () => 'drop'
  if (typeof declared?.latest !== 'string' || !declared.latest.startsWith('/')) {
    throw new ContractError(spot, "must be 'disconnect', 'skip', 'drop' or { latest: '/pointer/into/payload' }")
  }
  const path = declared.latest.slice(1).split('/').map(unescape)
  return (payload) => ({ latest: `${type} ${JSON.stringify(path.reduce(member, payload))}` })
}

/** RFC 6901 section 4. */
function unescape (token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

function member (value: unknown, key: string): unknown {
  return (value as Record<string, unknown> | undefined | null)?.[key]
}
