import { isMetadata } from '../../connection/metadata.ts'
import type { Target } from '../../connection/registry.ts'
import { isNamespace, namespaceRule } from '../../contract/option-checks.ts'
import { patternRule } from '../../contract/pattern.ts'
import { isCloseCode, type CloseEvent } from '../../protocol/close-events.ts'
import { addressIn, isWellFormed, maxTypeLength } from '../../protocol/envelope.ts'
import type { ConnectionFilter } from './local-node-requests.ts'
import { InvalidArgument } from '../invalid-argument.ts'

/** A target, or something that names one connection by its `id`, such as `ctx.connection`. */
export type GivenTarget = Target | { readonly id: string }

/**
 * The target of a call: one connection where a connection is named, also beside its user, as in lists and members.
 *
 * @throws {InvalidArgument} unless the target names a user or a connection
 */
export function targetOf (target: GivenTarget): Target {
  const { userId, id, connectionId = id } = Object(target) as Readonly<Record<string, unknown>>
  if (typeof connectionId === 'string') return { connectionId }
  if (connectionId === undefined && userId !== undefined) return { userId: requireUserId(userId) }
  throw new InvalidArgument('a target names no user and no connection: pass { userId } or { connectionId }')
}

/** @throws {InvalidArgument} unless it is a pattern as contracts have it, with a namespace or without */
export function checkPattern (pattern: string): string {
  const rule = typeof pattern === 'string' ? namedPatternRule(pattern) : 'pass a text'
  if (rule) throw new InvalidArgument(`the pattern of a list of rooms is invalid: ${rule}`)
  return pattern
}

/** The rule that a pattern breaks which a namespace may precede. */
function namedPatternRule (pattern: string): string | undefined {
  const address = addressIn(pattern)
  const namespace = pattern.slice(0, -`//${address}`.length)
  return address === pattern || isNamespace(namespace) ? patternRule(address) : `name the namespace by ${namespaceRule}`
}

const filterTexts: readonly string[] = ['userId', 'channel', 'route', 'node', 'contract']

/** A wrong filter must not list every connection. @throws {InvalidArgument} */
export function checkFilter (filter: ConnectionFilter): void {
  const isMember = ([name, value]: [string, unknown]) => value === undefined ||
    (filterTexts.includes(name) && typeof value === 'string') || (name === 'metadata' && isMetadata(value))
  if (typeof filter === 'object' && filter !== null && Object.entries(filter).every(isMember)) return
  throw new InvalidArgument('a filter of connections is invalid: ' +
    'pass { userId, channel, route, node, contract }, each a text, and metadata, a flat object; each may be left out')
}

/** @throws {InvalidArgument} unless the id is a string */
export function requireUserId (userId: unknown): string {
  if (typeof userId === 'string') return userId
  throw new InvalidArgument('the id of a user is not a string: pass a string')
}

/**
 * The given members of a close event; each may be left out.
 *
 * @throws {InvalidArgument} for a code or a reason that no close frame can hold
 */
export function closeEventOf (event: Partial<CloseEvent>): Partial<CloseEvent> {
  const given = Object.fromEntries(Object.entries(Object(event)).filter(([, value]) => value !== undefined))
  const { code, reason } = given as Partial<CloseEvent>
  if (code !== undefined && !isCloseCode(code)) {
    throw new InvalidArgument('a close event has an invalid code: pass a close code such as 3003, or 4000 to 4999')
  }
  if (reason !== undefined && (typeof reason !== 'string' || !isWellFormed(reason))) {
    throw new InvalidArgument('a close event has an invalid reason: pass well-formed text')
  }
  return given
}

/** @throws {InvalidArgument} unless the code of a removal is text that fits into `left` */
export function checkRemovalCode (code: string): void {
  if (typeof code === 'string' && code !== '' && code.length <= maxTypeLength && isWellFormed(code)) return
  throw new InvalidArgument('the code of a removal is invalid: ' +
    `pass well-formed text of 1 to ${maxTypeLength} characters`)
}
