import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler'
import { malformedPath, notWellFormed } from '../../protocol/envelope.ts'
import { ContractError, OutgoingError } from '../contract-errors.ts'
import type { TypeBoxSchema } from './typebox-schema.ts'
import { compileProjector } from './projection.ts'
import { compileSerialiser } from './serialiser.ts'
import type { SchemaNode } from './schema-node.ts'
import { closeSchema } from './close-schema.ts'
import { withUniqueMessage, withFastUnique } from './typebox-faults.ts'

/** The first mistake in a value. `path` is a JSON pointer. */
export interface Issue { readonly path: string, readonly message: string }

/** Checks a received value: undefined when it is valid. Finding the issue takes 30 times as long as the check. */
export type Validator = (value: unknown) => Issue | undefined

/** Projects a value to its schema and checks it before it is sent. @throws {OutgoingError} */
export type OutgoingValidator = (value: unknown) => unknown

/** A reply as a value, and as its JSON; both undefined where none is declared. */
export interface CompiledReply {
  readonly reply: OutgoingValidator
  /** @throws {OutgoingError} */
  readonly encodeReply: (value: unknown) => string | undefined
}

export const noReply: CompiledReply = { reply: () => undefined, encodeReply: () => undefined }

/** The check of a message that declares no payload. */
export function noPayload (value: unknown): Issue | undefined {
  return value === undefined ? undefined : { path: '', message: 'The message has no payload' }
}

/** Compiles the check of a schema. @throws {ContractError} */
export function compileValidator (schema: TypeBoxSchema, path: string): Validator {
  return checkOf(closeSchema(schema, path), path)
}

/** Params also come from the application, as in `rooms.of`, and become the name of a channel. */
export function compileParams (schema: TypeBoxSchema, path: string): Validator {
  const issueOf = compileValidator(schema, path)
  return (params) => {
    const malformed = malformedPath(params)
    return malformed === undefined ? issueOf(params) : { path: malformed, message: notWellFormed }
  }
}

function checkOf (schema: TSchema, path: string): Validator {
  const compiled = compile(schema, path)
  return (value) => {
    if (compiled.Check(value)) return undefined
    const { path, message } = firstError(compiled, value) ?? {
      path: '', message: 'The value does not match its schema'
    }
    return { path, message: withUniqueMessage(message) }
  }
}

/** The search fails at `null` in a union of closed intersections: TypeBox asks for its property names. */
function firstError (compiled: TypeCheck<TSchema>, value: unknown): Issue | undefined {
  try {
    return compiled.Errors(value).First()
  } catch {
    return undefined
  }
}

/** TypeBox refuses schemas that `closeSchema` accepts: an unresolved reference, or an invalid regular expression. */
function compile (schema: TSchema, path: string): TypeCheck<TSchema> {
  try {
    return TypeCompiler.Compile(withFastUnique(schema as SchemaNode))
  } catch (error) {
    throw new ContractError(path, 'invalid schema', (error as Error).message)
  }
}

/** Compiles the projection and the check of values that the server sends. @throws {ContractError} */
export function compileOutgoing (schema: TypeBoxSchema, path: string): OutgoingValidator {
  return outgoingValidator(closeSchema(schema, path), path)
}

/** The same for a reply, and its JSON, which most replies are sent as. @throws {ContractError} */
export function compileReply (schema: TypeBoxSchema, path: string): CompiledReply {
  const closed = closeSchema(schema, path)
  const reply = outgoingValidator(closed, path)
  const serialise = compileSerialiser(closed)
  return { reply, encodeReply: (value) => serialise?.(value) ?? JSON.stringify(reply(value)) }
}

function outgoingValidator (closed: SchemaNode, path: string): OutgoingValidator {
  const issueOf = checkOf(closed, path)
  const project = compileProjector(closed)
  return (value) => {
    const projected = project(value)
    const issue = issueOf(projected)
    if (issue) throw new OutgoingError(`${path}${issue.path}`, issue.message)
    const malformed = malformedPath(projected)
    if (malformed !== undefined) throw new OutgoingError(`${path}${malformed}`, notWellFormed)
    return projected
  }
}
