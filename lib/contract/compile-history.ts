import { compileOutgoing, type OutgoingValidator } from './validators.ts'
import type { HistoryDefinition } from './define-channel.ts'
import { requireKnownKeys, requireCount } from './valid.ts'

/** A channel's log, ready to run. */
export interface CompiledHistory {
  readonly limit: number
  readonly ttl: number
  readonly initial: number
  /** Left out where the channel has no snapshots. */
  readonly snapshot?: OutgoingValidator
}

/** @throws {ContractError} */
export function compileHistory (log: HistoryDefinition, spot: string): CompiledHistory {
  requireKnownKeys(log, ['limit', 'ttl', 'initial', 'snapshot'], spot)
  const { limit, ttl, initial = limit } = log
  for (const [name, value] of Object.entries({ limit, ttl, initial })) requireCount(value, `${spot} ${name}`)
  return { limit, ttl, initial, ...(log.snapshot && { snapshot: compileOutgoing(log.snapshot, `${spot} snapshot`) }) }
}
