import { outgoing, type Outgoing } from './checks.ts'
import type { LogDefinition } from './definition.ts'
import { knownKeys, soundCount } from './sound.ts'

/** A channel's log, ready to run. */
export interface CompiledLog {
  readonly limit: number
  readonly ttl: number
  readonly history: number
  /** Left out where the channel has no keyframes. */
  readonly keyframe?: Outgoing
}

/** @throws {ContractError} */
export function compileLog (log: LogDefinition, spot: string): CompiledLog {
  knownKeys(log, ['limit', 'ttl', 'history', 'keyframe'], spot)
  const { limit, ttl, history = limit } = log
  for (const [name, value] of Object.entries({ limit, ttl, history })) soundCount(value, `${spot} ${name}`)
  return { limit, ttl, history, ...(log.keyframe && { keyframe: outgoing(log.keyframe, `${spot} keyframe`) }) }
}
