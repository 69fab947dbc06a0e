import { Type, type TSchema } from '@sinclair/typebox'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { compileValidator } from '../../contract/schema/validators.ts'
import { absent, correlationId, fromServer, offset, text } from '../../contract/wire/values.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { MessageObject } from '../asyncapi-document.ts'
import { checkedExamples } from '../schema/checked-examples.ts'
import type { ComponentSchemas } from '../schema/component-schemas.ts'
import { isObject, plainJson, type JsonSchema } from '../schema/json-schema.ts'
import { sampleValue } from '../schema/sample-value.ts'

/** A schema of a contract that stands in an envelope, in the form of the document. */
export interface Part {
  /** As a member of the envelope; optional where a value may be absent. */
  readonly member: TSchema
  /** Values of the contract's own examples. */
  readonly examples: readonly unknown[]
  readonly description: unknown
  /** Whether a value that was made up matches the schema. */
  readonly accepts: (value: unknown) => boolean
}

/** The part of a message that declares none: `null` is the same as absent. */
export const nothing: Part = {
  member: Type.Optional(Type.Null()), examples: [], description: undefined, accepts: Boolean
}

/** The part of a control message, with these payloads as examples: `undefined` for none. */
export const shownAs = (...examples: readonly unknown[]): Part => ({ ...nothing, examples })

/** @throws {ContractError} for an example that breaks its schema. */
export function partOf (schemas: ComponentSchemas, schema: TypeBoxSchema, name: string, path: string): Part {
  const issueOf = compileValidator(schema, path)
  const examples = checkedExamples(schema, path)
  const json = Type.Unsafe(schemas.schemaOf(schema, name))
  const { description } = schema as { readonly description?: unknown }
  const accepts = (value: unknown) => issueOf(value) === undefined
  return { member: accepts(undefined) ? Type.Optional(json) : json, examples, description, accepts }
}

/** The members of an entry and of an ack in examples. */
const shownHeader: Readonly<Record<string, unknown>> = { offset: 1, id: 'm1', hash: 'h1', prev: 'h0' }

/** What stands in the examples of a channel. */
export interface ExampleValues {
  readonly channel?: string
  readonly correlationId: string
}

/** Makes messages out of envelopes, each with examples. */
export class Messages {
  readonly #schemas: ComponentSchemas
  readonly #values: ExampleValues

  constructor (schemas: ComponentSchemas, values: ExampleValues) {
    this.#schemas = schemas
    this.#values = values
  }

  /** @param part what the contract says of the payload */
  message (name: string, envelope: TSchema, part: Part = nothing, summary?: string): MessageObject {
    const payload = plainJson(envelope) as JsonSchema
    const examples = this.#examples(payload, part)
    return {
      name,
      title: name,
      ...(summary !== undefined && { summary }),
      ...(part.description !== undefined && { description: part.description }),
      contentType: 'application/json',
      correlationId: { $ref: '#/components/correlationIds/correlationId' },
      payload,
      ...(examples.length > 0 && { examples: examples.map((example) => ({ payload: example })) })
    }
  }

  #examples (envelope: JsonSchema, { examples, accepts }: Part): unknown[] {
    const sample = sampleValue(envelope, this.#schemas.all)
    if (!isObject(sample)) return []
    const { type, channel, correlationId, payload, ...header } = sample
    const members = {
      type,
      ...(channel != null && { channel: this.#values.channel }),
      ...(correlationId !== undefined && { correlationId: this.#values.correlationId })
    }
    const shown = Object.fromEntries(Object.keys(header).map((name) => [name, shownHeader[name]]))
    const withPayload = (value: unknown) => plainJson({ ...members, payload: value, ...shown })
    if (examples.length > 0) return examples.map(withPayload)
    const isAbsent = payload === null && !(envelope.required as string[]).includes('payload')
    if (isAbsent || payload === undefined) return [withPayload(undefined)]
    return accepts(payload) ? [withPayload(payload)] : []
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
