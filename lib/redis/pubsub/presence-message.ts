import type { PresenceChange } from '../../protocol/control-messages.ts'

/** A published change: the user joined, left, or has new data (JSON). */
type RawChange = readonly [kind: '+' | '-' | '~', user: string, data?: string]

/** What presence/presence-state-lua.ts publishes. `first`: the sequence of the first change. */
export interface PublishedChanges {
  readonly epoch: string
  readonly first: number
  readonly changes: readonly PresenceChange[]
}

/** @throws {TypeError | SyntaxError} when it is malformed */
export function readChanges (body: Buffer): PublishedChanges {
  const message: unknown = JSON.parse(body.toString())
  if (!isMessage(message)) throw new TypeError('presence changes without their parts')
  const [epoch, first, changes] = message
  return { epoch, first, changes: changes.map(changeOf) }
}

function isMessage (value: unknown): value is readonly [epoch: string, first: number, changes: readonly RawChange[]] {
  if (!Array.isArray(value) || typeof value[0] !== 'string' || !Number.isSafeInteger(value[1])) return false
  return Array.isArray(value[2]) && value[2].every(isChange)
}

function isChange (value: unknown): value is RawChange {
  if (!Array.isArray(value) || typeof value[1] !== 'string') return false
  return value[0] === '-' || (['+', '~'].includes(value[0] as string) && typeof value[2] === 'string')
}

function changeOf ([kind, user, data]: RawChange): PresenceChange {
  if (kind === '-') return { left: [user] }
  const entry = { user, data: JSON.parse(data as string) as unknown }
  return kind === '+' ? { joined: [entry] } : { updated: [entry] }
}
