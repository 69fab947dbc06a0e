import { Kind } from '@sinclair/typebox'
import type { PresenceListKind } from '../../protocol/control-messages.ts'
import { ContractError } from '../contract-errors.ts'
import type { PresenceDefinition } from '../define-channel.ts'
import { requireKnownKeys, requireObject } from '../option-checks.ts'
import type { TypeBoxSchema } from '../schema/typebox-schema.ts'
import { refuseForeign } from '../schema/foreign-schema.ts'
import { compileOutgoing, type OutgoingValidator } from '../schema/validators.ts'

const listKinds: readonly unknown[] = ['all', 'count', 'none'] satisfies PresenceListKind[]

const schemaShape = 'a schema of @sinclair/typebox'

/** What a contract says of presence. */
export interface CompiledPresence {
  readonly data: OutgoingValidator
  readonly list: PresenceListKind
}

/** Compiles what a contract says of presence. @throws {ContractError} */
export function compilePresence (definition: TypeBoxSchema | PresenceDefinition, path: string): CompiledPresence {
  refuseForeign(definition, path)
  requireObject(definition, path, `${schemaShape}, or { data, list }`)
  if (isSchema(definition)) return { data: compileOutgoing(definition, path), list: 'all' }
  requireKnownKeys(definition, ['data', 'list'], path)
  const { data, list = 'all' } = definition
  if (!listKinds.includes(list)) throw new ContractError(path, "invalid 'list'", "pass 'all', 'count' or 'none'")
  return { data: compileOutgoing(requireObject(data, `${path}, data`, schemaShape), `${path}, data`), list }
}

/** Every schema of TypeBox has a kind, also one of `Type.Unsafe`. */
function isSchema (definition: TypeBoxSchema | PresenceDefinition): definition is TypeBoxSchema {
  return Kind in definition
}
