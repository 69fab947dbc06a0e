import type { DurableDefinition, HistoryDefinition } from '../definition.ts'
import { requireCount, requireKnownKeys } from '../option-checks.ts'
import { compileOutgoing, type OutgoingValidator } from '../schema/validators.ts'

const defaultTimeoutMs = 1_000

/** Which replicas must have a message before it is acked. */
export interface Durability {
  /** Undefined: all that are connected, and at least one. */
  readonly replicas: number | undefined
  readonly timeoutMs: number
}

/** What a contract says of its history. */
export interface CompiledHistory {
  readonly limit: number
  /** In milliseconds. */
  readonly ttl: number
  readonly initial: number
  /** Undefined where the channel has no snapshots. */
  readonly snapshot?: OutgoingValidator
  /** Undefined where the shared server alone must have it. */
  readonly durable?: Durability
}

/** Compiles what a contract says of its history. @throws {ContractError} */
export function compileHistory (definition: HistoryDefinition, path: string): CompiledHistory {
  requireKnownKeys(definition, ['limit', 'ttl', 'initial', 'snapshot', 'durable'], path, '{ limit, ttl }')
  const { limit, ttl, initial = limit, snapshot, durable } = definition
  for (const [name, value] of Object.entries({ limit, ttl, initial })) requireCount(value, name, path)
  return {
    limit,
    ttl,
    initial,
    ...(snapshot && { snapshot: compileOutgoing(snapshot, `${path}, snapshot`) }),
    ...(durable !== undefined && { durable: compileDurable(durable, `${path}, durable`) })
  }
}

function compileDurable (definition: 'replica' | DurableDefinition, path: string): Durability {
  if (definition === 'replica') return { replicas: undefined, timeoutMs: defaultTimeoutMs }
  requireKnownKeys(definition, ['replicas', 'timeout'], path, "'replica' or { replicas, timeout }")
  const { replicas, timeout = defaultTimeoutMs } = definition
  if (replicas !== undefined) requireCount(replicas, 'replicas', path)
  requireCount(timeout, 'timeout', path)
  return { replicas, timeoutMs: timeout }
}
