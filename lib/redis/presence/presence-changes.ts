import type { PresenceChange } from '../../protocol/control-messages.ts'

type Told = readonly [kind: '+' | '-' | '~', user: string, data?: string]

/** What apply.lua and sweep.lua publish. */
interface Published { readonly epoch: string, readonly first: number, readonly changes: readonly PresenceChange[] }

/** @throws {TypeError | SyntaxError} when it is malformed */
export function readChanges (body: Buffer): Published {
  const message: unknown = JSON.parse(body.toString())
  if (!isMessage(message)) throw new TypeError('a change of presence without its parts')
  const [epoch, first, changes] = message
  return { epoch, first, changes: changes.map(changeOf) }
}

function isMessage (value: unknown): value is readonly [epoch: string, first: number, changes: readonly Told[]] {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && Array.isArray(value[2]) && value[2].every(isTold)
}

function isTold (value: unknown): value is Told {
  if (!Array.isArray(value) || typeof value[1] !== 'string') return false
  return value[0] === '-' || (['+', '~'].includes(value[0] as string) && typeof value[2] === 'string')
}

function changeOf ([kind, user, data]: Told): PresenceChange {
  if (kind === '-') return { left: [user] }
  const entry = { user, data: JSON.parse(data as string) as unknown }
  return kind === '+' ? { joined: [entry] } : { updated: [entry] }
}
