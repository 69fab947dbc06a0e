import { Kind } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { SchemaNode } from '../../contract/schema/schema-node.ts'

/** A value that its schema refuses, and how it was made. */
export interface Mutation {
  readonly what: string
  readonly value: unknown
}

/** One value of each type of JSON. */
const values: readonly unknown[] = [true, 1.5, 'text', [], {}, null]

/**
 * The values that differ from a valid one in one part and break its schema: another type, a property too many or too
 * few, a length or number beyond its bounds. `schema`: with closed objects.
 */
export function mutationsOf (schema: SchemaNode, valid: unknown): Mutation[] {
  // `null` in place of a payload means that there is none.
  return changes(schema, valid, '').filter(({ value }) => value !== null && !Value.Check(schema, value))
}

function changes (node: SchemaNode, value: unknown, path: string): Mutation[] {
  const where = path === '' ? 'the payload' : path
  return [
    ...values.map((other) => ({ what: `${where} is ${JSON.stringify(other)}`, value: other })),
    ...beyondBounds(node, value).map((other) => ({ what: `${where} is beyond its bounds`, value: other })),
    ...(isObject(value) ? ofProperties(value, where) : []),
    ...partsOf(node, value).flatMap(([key, part, inner]) =>
      changes(part, inner, `${path}/${key}`).map((change) =>
        ({ ...change, value: replaced(value, key, change.value) })))
  ]
}

function replaced (value: unknown, key: string, part: unknown): unknown {
  return Array.isArray(value) ? value.with(Number(key), part) : { ...value as object, [key]: part }
}

function ofProperties (value: object, where: string): Mutation[] {
  return [
    { what: `${where} has an undeclared property`, value: { ...value, undeclared: true } },
    ...Object.keys(value).map((name) => ({
      what: `${where} lacks '${name}'`,
      value: Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))
    }))
  ]
}

/** Largest text or array that is made to exceed a bound. */
const maxLength = 20_000

function beyondBounds (node: SchemaNode, value: unknown): unknown[] {
  const { minLength = 0, maxLength: longest = Infinity, minItems = 0, maxItems = Infinity } = node
  if (typeof value === 'string') {
    return [
      ...(minLength > 0 ? [value.slice(0, minLength - 1)] : []),
      ...(longest < maxLength ? ['x'.repeat(longest + 1)] : [])
    ]
  }
  if (typeof value === 'number') return [value + 0.5, (node['minimum'] ?? 0) - 1, (node['maximum'] ?? 0) + 1]
  if (!Array.isArray(value)) return []
  const [first = null] = value
  return [
    ...(minItems > 0 ? [value.slice(0, minItems - 1)] : []),
    ...(maxItems < maxLength ? [Array.from({ length: maxItems + 1 }, () => first)] : [])
  ]
}

type Part = readonly [key: string, node: SchemaNode, value: unknown]

/** The parts of a value whose schemas are known. */
function partsOf (node: SchemaNode, value: unknown): Part[] {
  const { properties, items } = node
  if (properties && isObject(value)) {
    return Object.entries(properties).filter(([name]) => name in value)
      .map(([name, part]) => [name, part, value[name]] as const)
  }
  if (!Array.isArray(value) || items === undefined) return []
  return value.slice(0, 2).map((inner, i) => {
    const part = node[Kind] === 'Tuple' ? (items as readonly SchemaNode[])[i] : items
    return [String(i), part as SchemaNode, inner] as const
  })
}

function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
