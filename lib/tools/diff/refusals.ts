import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { asSchema, resolved, type Side } from '../../asyncapi/model/side.ts'
import type { Comparison, Refusal } from './comparison.ts'
import { arrayRefusals, numberRefusals, stringRefusals, valueRefusals } from './value-refusals.ts'

/** What has no meaning for values. */
const annotations = new Set(['title', 'description', 'examples', 'default', '$comment', 'deprecated'])

/** Keywords that are compared as a whole, because their meaning is not ordered. */
const unordered = [
  'format', 'not', 'contains', 'minContains', 'maxContains', 'x-regexp', 'unevaluatedProperties', 'multipleOf'
]

/**
 * Why a value that matches `sent` may not match `accepted`. Empty when every such value does. Schemas that cannot be
 * compared count as refused.
 */
export function refusalsOf (
  sent: Side, accepted: Side, ignoresUnknown: boolean, path = '', above: readonly string[] = []
): readonly Refusal[] {
  const [from, to] = [resolved(sent), resolved(accepted)]
  const pair = `${JSON.stringify(sent.schema)} ${JSON.stringify(accepted.schema)}`
  // A recursive schema is compared once on each path.
  if (above.includes(pair)) return []
  const inner = [...above, pair]
  const compare = (s: unknown, a: unknown, at: string) => refusalsOf(
    { ...sent, schema: asSchema(s) }, { ...accepted, schema: asSchema(a) }, ignoresUnknown, at, inner
  )
  const alternatives = alternativesOf(from)
  if (alternatives) return unique(alternatives.flatMap((schema) => compare(schema, to, path)))
  if (Array.isArray(to.allOf)) return unique(to.allOf.flatMap((schema) => compare(from, schema, path)))
  const accepting = 'enum' in to ? undefined : alternativesOf(to)
  if (accepting) return fewest(accepting.map((schema) => compare(from, schema, path)))
  if (Array.isArray(from.allOf)) return fewest(from.allOf.map((schema) => compare(schema, to, path)))
  return plainRefusals(from, to, {
    path,
    ignoresUnknown,
    within: (s, a, key) => compare(s, a, `${path}/${key}`),
    refuse: (reason) => [{ path, reason }]
  })
}

/** The schemas that a union, a list of values or a list of types stands for. */
function alternativesOf (schema: JsonSchema): readonly unknown[] | undefined {
  const { anyOf, enum: values, type } = schema
  if (Array.isArray(anyOf)) return anyOf
  if (Array.isArray(values)) return values.map((value) => ({ const: value as unknown }))
  return Array.isArray(type) ? type.map((one) => ({ ...schema, type: one as unknown })) : undefined
}

/** Those of the alternative that comes closest. */
function fewest (results: ReadonlyArray<readonly Refusal[]>): readonly Refusal[] {
  return results.toSorted((a, b) => a.length - b.length)[0] as readonly Refusal[]
}

function unique (refusals: readonly Refusal[]): readonly Refusal[] {
  return [...new Map(refusals.map((refusal) => [JSON.stringify(refusal), refusal])).values()]
}

function plainRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  if (isAnything(accepted) || isNothing(sent)) return []
  const types = typeRefusals(sent, accepted, at)
  if (types.length > 0) return types
  const others = unordered.filter((keyword) => keyword in accepted && !areEqual(sent[keyword], accepted[keyword]))
    .flatMap((keyword) => at.refuse(`another '${keyword}' is accepted`))
  if ('const' in sent) return [...others, ...valueRefusals(sent.const, accepted, at)]
  if ('const' in accepted || 'enum' in accepted) return at.refuse('only some values are accepted')
  return [
    ...others,
    ...numberRefusals(sent, accepted, at),
    ...stringRefusals(sent, accepted, at),
    ...arrayRefusals(sent, accepted, at),
    ...objectRefusals(sent, accepted, at)
  ]
}

const isAnything = (schema: JsonSchema) => Object.keys(schema).every((keyword) => annotations.has(keyword))
const isNothing = ({ not }: JsonSchema) => isObject(not) && isAnything(not)
const areEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

function typeRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  const type = 'const' in sent ? typeOf(sent.const) : sent.type
  if (accepted.type === undefined || type === accepted.type) return []
  if (type === 'integer' && accepted.type === 'number') return []
  return at.refuse(`${String(accepted.type)} is accepted, not ${String(type ?? 'anything')}`)
}

function typeOf (value: unknown): string {
  return value === null ? 'null' : Number.isInteger(value) ? 'integer' : typeof value
}

function objectRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  if (accepted.type !== 'object') return []
  const required = listOf(sent.required)
  const missing = listOf(accepted.required).filter((name) => !required.includes(name))
  const members = Object.entries({ ...asSchema(sent.properties) }).flatMap(([name, schema]) => {
    const target = memberOf(accepted, name)
    return target === false ? unknownMember(at, name, schema) : at.within(schema, target, name)
  })
  return [
    ...missing.flatMap((name) => at.refuse(`the member '${name}' is required`)),
    ...members,
    ...otherRefusals(sent, accepted, at)
  ]
}

function unknownMember (at: Comparison, name: string, schema: unknown): readonly Refusal[] {
  return at.ignoresUnknown || isNothing(asSchema(schema)) ? [] : at.refuse(`the member '${name}' is not accepted`)
}

/** What an object accepts under a name; `false` for nothing. */
function memberOf ({ properties, patternProperties, additionalProperties }: JsonSchema, name: string): unknown {
  if (isObject(properties) && Object.hasOwn(properties, name)) return properties[name]
  const byPattern = Object.entries(asSchema(patternProperties))
  const [, matching] = byPattern.find(([pattern]) => new RegExp(pattern).test(name)) ?? []
  return matching ?? additionalProperties ?? true
}

/** Members whose names are not declared. */
function otherRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  const patterns = Object.entries(asSchema(sent.patternProperties)).flatMap(([pattern, schema]) => {
    const target = asSchema(accepted.patternProperties)[pattern] ?? accepted.additionalProperties ?? true
    return target === false ? unknownMember(at, pattern, schema) : at.within(schema, target, '*')
  })
  // What an open object has beside its declared members, nobody knows.
  const declared = Object.entries(asSchema(accepted.properties)).flatMap(([name, schema]) => {
    const own = Object.hasOwn(asSchema(sent.properties), name) ? false : memberOf(sent, name)
    return isObject(own) ? at.within(own, schema, name) : []
  })
  return [...patterns, ...declared, ...furtherRefusals(sent.additionalProperties ?? true, accepted, at)]
}

function furtherRefusals (others: unknown, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  if (others === false) return []
  if (accepted.additionalProperties === false) return unknownMember(at, '*', others)
  return at.within(others, accepted.additionalProperties ?? true, '*')
}

const listOf = (names: unknown) => Array.isArray(names) ? names as readonly string[] : []
