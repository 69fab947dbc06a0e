import { Type, type TSchema } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/compiler'
import { ValueErrorType } from '@sinclair/typebox/errors'
import type { ConnectionLimits } from '../lib/limits/limits.ts'
import { fingerprintForm } from '../lib/protocol/control-messages.ts'
import { unknownOption } from './errors.ts'

// A `description` is the end of the sentence "wrong value for the option '…': pass …".
export const callback = Type.Function([], Type.Unknown(), { description: 'a function' })
export const flag = Type.Boolean({ description: 'true or false' })
export const text = Type.String({ minLength: 1, description: 'a text that is not empty' })
export const positive = Type.Integer({ minimum: 1, description: 'a whole number from 1' })
export const count = Type.Integer({ minimum: 0, description: 'a whole number from 0' })
// The longest time that a timer of Node takes.
const longestMs = 2 ** 31 - 1
export const milliseconds = Type.Integer({
  minimum: 1, maximum: longestMs, description: `a whole number of milliseconds, from 1 to ${longestMs}`
})
export const millisecondsFrom0 = Type.Integer({
  minimum: 0, maximum: longestMs, description: `a whole number of milliseconds, from 0 to ${longestMs}`
})
// ws reads these numbers as 32-bit integers, and for it 0 or a negative one is no limit.
export const int32 = Type.Integer({
  minimum: 1, maximum: 2 ** 31 - 1, description: `a whole number from 1 to ${2 ** 31 - 1}`
})
export const contractMismatch = Type.Union(['ignore', 'warn', 'refuse'].map((value) => Type.Literal(value)), {
  description: "'ignore', 'warn' or 'refuse'"
})
export const fingerprints = Type.Array(Type.String({
  pattern: fingerprintForm.source, description: "a fingerprint, as 'npx fastify-channels fingerprint' writes it"
}), { description: 'an array of fingerprints' })
const rate = shape({ max: positive, timeWindow: milliseconds })
const errorRate = shape({ max: count, timeWindow: milliseconds })

/** The limits that a route may have for its connections. */
export const connectionLimits = {
  channels: positive,
  messages: rate,
  bytes: rate,
  joins: rate,
  refreshes: rate,
  rateLimitErrors: errorRate,
  sendQueueBytes: positive
} satisfies Record<keyof ConnectionLimits, TSchema>

export function shape<P extends Record<string, TSchema>> (members: P) {
  const description = `{ ${Object.keys(members).join(', ')} }`
  return Type.Object(members, { additionalProperties: false, description })
}

export function optionals<P extends Record<string, TSchema>> (members: P, description: string) {
  return Type.Partial(Type.Object(members), { additionalProperties: false, description })
}

/** An option that is `undefined` has its default: as a value it would be no limit. */
export function withoutUndefined<T extends object> (options?: T): Defined<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Defined<T>
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** What is wrong with an option, as the end of a sentence. */
export function problemOf ({ type, path, schema }: ValueError): string {
  const name = path.slice(1).replaceAll('/', '.')
  return type === ValueErrorType.ObjectAdditionalProperties
    ? unknownOption(name, Object.keys(schema.properties as object))
    : wrongValue(name, String(schema.description))
}

export function wrongValue (name: string, shapes: string): string {
  return `wrong value for the option '${name}': pass ${shapes}`
}
