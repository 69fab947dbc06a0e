import { isObject, type JsonSchema } from '../schema/json-schema.ts'
import { canonicalSet } from './canonical-json.ts'
import { asSchema, resolved, type Side } from './side.ts'

/** Keywords whose value decides as it stands which values a schema accepts, each with the value that says nothing. */
const plain: Readonly<Record<string, unknown>> = {
  pattern: undefined,
  format: undefined,
  'x-regexp': undefined,
  multipleOf: undefined,
  minimum: undefined,
  maximum: undefined,
  exclusiveMinimum: undefined,
  exclusiveMaximum: undefined,
  minLength: 0,
  maxLength: undefined,
  minItems: 0,
  maxItems: undefined,
  uniqueItems: false,
  minContains: undefined,
  maxContains: undefined,
  minProperties: 0,
  maxProperties: undefined
}

type Convert = (schema: unknown) => unknown

/**
 * What a schema accepts, in a form that is equal for schemas that differ in their texts, in the names of their
 * components, or in an order that means nothing: `true` for anything. Keywords that no validator reads are left out.
 * A recursive schema is the number of schemas on the way up to the one that it repeats.
 */
export function canonicalSchema (side: Side, above: readonly JsonSchema[] = []): unknown {
  const { root } = side
  const schema = resolved(side)
  const index = above.indexOf(schema)
  if (index >= 0) return { up: above.length - index }
  const convert: Convert = (inner) => canonicalSchema({ schema: asSchema(inner), root }, [...above, schema])
  const { anyOf, allOf } = schema
  const form: JsonSchema = {
    ...typeOf(schema),
    ...Object.fromEntries(Object.entries(plain)
      .filter(([keyword, nothing]) => keyword in schema && schema[keyword] !== nothing)
      .map(([keyword]) => [keyword, schema[keyword]])),
    ...membersOf(schema, convert),
    ...itemsOf(schema, convert),
    ...('not' in schema && { not: convert(schema.not) }),
    ...(Array.isArray(anyOf) && unionOf(anyOf.map(convert))),
    ...(Array.isArray(allOf) && { allOf: canonicalSet(allOf.map(convert)) })
  }
  return Object.keys(form).length === 0 ? true : form
}

/** A union of one form is that form. */
function unionOf (forms: readonly unknown[]): object {
  const alternatives = canonicalSet(forms.flatMap(alternativesOf))
  // `true`, which accepts anything, has no keywords.
  return alternatives.length === 1 ? Object(alternatives[0]) as object : { anyOf: alternatives }
}

/** A union within a union is a part of it. */
function alternativesOf (form: unknown): readonly unknown[] {
  const { anyOf, ...rest } = Object(form) as JsonSchema
  return Array.isArray(anyOf) && Object.keys(rest).length === 0 ? anyOf : [form]
}

/** The type of a value is the value's own. */
function typeOf ({ type, const: value }: JsonSchema): JsonSchema {
  if (value !== undefined) return { const: value }
  return type === undefined ? {} : { type }
}

function membersOf (schema: JsonSchema, convert: Convert): JsonSchema {
  const form: Record<string, unknown> = {}
  for (const keyword of ['properties', 'patternProperties']) {
    const members = Object.entries(asSchema(schema[keyword]))
    if (members.length > 0) form[keyword] = Object.fromEntries(members.map(([name, member]) => [name, convert(member)]))
  }
  for (const keyword of ['additionalProperties', 'unevaluatedProperties']) {
    const others = schema[keyword] === undefined ? true : convert(schema[keyword])
    if (others !== true) form[keyword] = others
  }
  const { required } = schema
  if (Array.isArray(required) && required.length > 0) form.required = canonicalSet(required)
  return form
}

function itemsOf ({ items, additionalItems, contains }: JsonSchema, convert: Convert): JsonSchema {
  return {
    ...(Array.isArray(items) && { items: items.map(convert) }),
    ...(isObject(items) && { items: convert(items) }),
    ...(additionalItems !== undefined && { additionalItems: convert(additionalItems) }),
    ...(contains !== undefined && { contains: convert(contains) })
  }
}
