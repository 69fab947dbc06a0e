import type { WhenSlow } from '../../protocol/when-slow.ts'
import { ContractError } from '../contract-errors.ts'
import type { FromServerDefinition } from '../define-channel.ts'

/** The treatment of a message with this payload on a connection that reads too slowly. */
export type WhenSlowOf = (payload: unknown, address: string | undefined) => WhenSlow

/**
 * The key of a `latest` message contains its channel and type, because a connection has one set of keys for all of
 * them. As JSON, no part can reach into the next one.
 */
export function compileWhenSlow (
  declared: FromServerDefinition['whenSlow'], persistent: boolean, type: string, path: string
): WhenSlowOf {
  if (declared === undefined || declared === 'disconnect') return () => undefined
  if (persistent && declared === 'skip') return () => 'skip'
  if (persistent) {
    const remedy = "pass 'disconnect' or 'skip', because the message is persistent"
    throw new ContractError(path, "invalid 'whenSlow'", remedy)
  }
  if (declared === 'drop') return () => 'drop'
  if (typeof declared !== 'object' || typeof declared?.latest !== 'string' || !declared.latest.startsWith('/')) {
    throw new ContractError(path, "invalid 'whenSlow'",
      "pass 'disconnect', 'drop' or { latest: '/pointer/into/payload' }, because the message is ephemeral")
  }
  const pointer = declared.latest.slice(1).split('/').map(unescapePointer)
  return (payload, address) => {
    return { latest: `${JSON.stringify([address, type])}${JSON.stringify(pointer.reduce(memberOf, payload))}` }
  }
}

/** RFC 6901 section 4. */
const unescapePointer = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~')

const memberOf = (value: unknown, key: string) => (value as Record<string, unknown> | undefined | null)?.[key]
