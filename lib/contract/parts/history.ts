import type { HistoryDefinition } from '../define-channel.ts'
import { requireCount, requireKnownKeys } from '../option-checks.ts'
import { compileOutgoing, type OutgoingValidator } from '../schema/validators.ts'

/** What a contract says of its history. */
export interface CompiledHistory {
  readonly limit: number
  /** In milliseconds. */
  readonly ttl: number
  readonly initial: number
  /** Undefined where the channel has no snapshots. */
  readonly snapshot?: OutgoingValidator
}

/** Compiles what a contract says of its history. @throws {ContractError} */
export function compileHistory (definition: HistoryDefinition, path: string): CompiledHistory {
  requireKnownKeys(definition, ['limit', 'ttl', 'initial', 'snapshot'], path)
  const { limit, ttl, initial = limit, snapshot } = definition
  for (const [name, value] of Object.entries({ limit, ttl, initial })) requireCount(value, name, path)
  return { limit, ttl, initial, ...(snapshot && { snapshot: compileOutgoing(snapshot, `${path}, snapshot`) }) }
}
