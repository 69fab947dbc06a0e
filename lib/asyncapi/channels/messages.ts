import { Type, type TSchema } from '@sinclair/typebox'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { compileValidator } from '../../contract/schema/validators.ts'
import { absent, correlationId, fromServer, offset, text } from '../../contract/wire/values.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { MessageObject } from '../asyncapi-document.ts'
import { examplesOf } from '../schema/checked-examples.ts'
import type { ComponentSchemas } from '../schema/component-schemas.ts'
import { plainJson, type JsonSchema } from '../schema/json-schema.ts'

/** A schema of a contract that stands in an envelope, in the form of the document. */
export interface Part {
  /** As a member of the envelope; optional where a value may be absent. */
  readonly member: TSchema
  /** Values for examples. Empty where none can be made up. */
  readonly examples: readonly unknown[]
  readonly description?: string
}

/** The part of a message that declares none: `null` is the same as absent. */
export const nothing: Part = { member: Type.Optional(Type.Null()), examples: [undefined] }

/** The part of a control message, with these payloads as examples: `undefined` for none. */
export const shownAs = (...examples: readonly unknown[]): Part => ({ ...nothing, examples })

/** @throws {ContractError} for an example that breaks its schema. */
export function partOf (schemas: ComponentSchemas, schema: TypeBoxSchema, name: string, path: string): Part {
  const json = Type.Unsafe(schemas.schemaOf(schema, name))
  const isOptional = compileValidator(schema, path)(undefined) === undefined
  const { description } = schema as { readonly description?: string }
  return {
    member: isOptional ? Type.Optional(json) : json,
    examples: examplesOf(schema, path),
    ...(description !== undefined && { description })
  }
}

/** The members of an entry's header in examples. */
const shownHeader = { offset: 1, id: 'm1', hash: 'h1', prev: 'h0' }

/** Makes messages of one channel out of envelopes, each with examples. */
export class Messages {
  readonly #channel: string | undefined

  /** @param channel an address, for examples. Undefined for messages of the connection. */
  constructor (channel?: string) {
    this.#channel = channel
  }

  /** @param part what the contract says of the payload */
  message (name: string, envelope: TSchema, part = nothing, summary?: string): MessageObject {
    const { examples, description } = part
    const payload = plainJson(envelope) as JsonSchema
    return {
      name,
      title: name,
      ...(summary !== undefined && { summary }),
      ...(description !== undefined && { description }),
      contentType: 'application/json',
      correlationId: { $ref: '#/components/correlationIds/correlationId' },
      payload,
      ...(examples.length > 0 && { examples: examples.map((value) => ({ payload: this.#example(payload, value) })) })
    }
  }

  #example ({ properties, required }: JsonSchema, payload: unknown): object {
    const { type, correlationId } = properties as Readonly<Record<string, JsonSchema | undefined>>
    const header = Object.entries(shownHeader).filter(([name]) => (required as string[]).includes(name))
    return plainJson({
      type: type?.const,
      channel: this.#channel,
      payload,
      correlationId: correlationId && !('not' in correlationId) ? 'c1' : undefined,
      ...Object.fromEntries(header)
    })
  }
}

/** The `ack` of a declared message. */
export function ackEnvelope (channel: TSchema, payload: TSchema, hasHistory: boolean): TSchema {
  return fromServer('ack', { channel, payload, correlationId, offset: hasHistory ? Type.Optional(offset) : absent })
}

/** The `error` with a code that the message declares. */
export function declaredErrorEnvelope (channel: TSchema, code: string, details: TSchema, hasHistory: boolean): TSchema {
  const payload = Type.Object({
    code: Type.Literal(code),
    message: Type.Literal(code),
    details,
    appended: hasHistory ? Type.Optional(offset) : absent
  })
  return fromServer('error', { channel, payload, correlationId: Type.Optional(correlationId) })
}

/** The payload of an `error` with a code of the protocol. */
export const protocolError = Type.Object({
  code: Type.Unsafe({ type: 'string', enum: errorCodes }),
  message: text,
  details: Type.Optional(Type.Unknown()),
  retryAfter: Type.Optional(Type.Number({ minimum: 0, description: 'milliseconds' })),
  appended: Type.Optional(offset)
}, { description: 'A refusal with a code of the protocol.' })
