import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler'
import { ContractError } from './contract-error.ts'
import { OutgoingError } from './outgoing-error.ts'
import { compileProjector } from './projection.ts'
import { closeSchema } from './schema.ts'

/** The first thing wrong with a value: `path` is a JSON pointer. */
export interface Issue { readonly path: string, readonly message: string }

/** What arrives: undefined when the value is as declared. Finding the fault costs 30 times the check, so only then. */
export type Validator = (value: unknown) => Issue | undefined

/** What leaves: the value projected to its schema, then checked. @throws {OutgoingError} */
export type OutgoingValidator = (value: unknown) => unknown

/** The check of a message that declares no payload. */
export function noPayload (value: unknown): Issue | undefined {
  return value === undefined ? undefined : { path: '', message: 'The message carries no payload' }
}

/** Compiles the check of a schema. @throws {ContractError} */
export function compileValidator (schema: TSchema, spot: string): Validator {
  return checkOf(closeSchema(schema, spot), spot)
}

function checkOf (schema: TSchema, spot: string): Validator {
  const compiled = compile(schema, spot)
  return (value) => {
    if (compiled.Check(value)) return undefined
    const { path, message } = compiled.Errors(value).First() ?? { path: '', message: 'Not as the schema says' }
    return { path, message }
  }
}

/** TypeBox refuses what no walk over the schema finds: a reference to nothing, a pattern that is no regular expression. */
function compile (schema: TSchema, spot: string): TypeCheck<TSchema> {
  try {
    return TypeCompiler.Compile(schema)
  } catch (error) {
    throw new ContractError(spot, `does not compile: ${(error as Error).message}`)
  }
}

/** Compiles the projection and check of what leaves. @throws {ContractError} */
export function compileOutgoing (schema: TSchema, spot: string): OutgoingValidator {
  const closed = closeSchema(schema, spot)
  const faultOf = checkOf(closed, spot)
  const project = compileProjector(closed)
  return (value) => {
    const projected = project(value)
    const fault = faultOf(projected)
    if (fault) throw new OutgoingError(`${spot}${fault.path}`, fault.message)
    return projected
  }
}
