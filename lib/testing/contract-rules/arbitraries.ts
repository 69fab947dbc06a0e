import { Kind } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type * as fastCheck from 'fast-check'
import { exampleOf } from '../../contract/examples/example.ts'
import { seededRandom } from '../../contract/examples/random.ts'
import { isRecursive, type SchemaNode } from '../../contract/schema/schema-node.ts'
import { malformedPath } from '../../protocol/envelope.ts'

export type FastCheck = typeof fastCheck
type Arbitrary = fastCheck.Arbitrary<unknown>
type Maker = (fc: FastCheck, node: SchemaNode) => Arbitrary

/** @throws {Error} when the package is missing */
export async function loadFastCheck (load: () => Promise<FastCheck> = () => import('fast-check')): Promise<FastCheck> {
  try {
    return await load()
  } catch (cause) {
    const advice = 'npm install --save-dev fast-check'
    throw new Error(`contract tests need the package 'fast-check', which is not installed: ${advice}`, { cause })
  }
}

/** Payloads stay far below the largest message, which is 64 KiB by default. */
const maxCharacters = 16_000

/**
 * Random values of a schema, which fast-check makes smaller when a test fails. `schema`: with closed objects. Parts
 * that fast-check has no values for, such as patterns and recursive types, are those of `exampleOf`.
 */
export function arbitraryOf (fc: FastCheck, schema: SchemaNode): Arbitrary {
  return valuesOf(fc, schema).filter((value) => Value.Check(schema, value) && canBeSent(value))
}

/** Whether the value is the same after it was sent as JSON, and breaks no limit of the protocol. */
function canBeSent (value: unknown): boolean {
  const text = JSON.stringify(value)
  return text.length <= maxCharacters && !/"(__proto__|constructor|prototype)"/.test(text) &&
    malformedPath(value) === undefined && Value.Equal(JSON.parse(text), value)
}

function valuesOf (fc: FastCheck, node: SchemaNode): Arbitrary {
  const maker = node['examples'] === undefined && !isRecursive(node) ? makers[node[Kind] as string] : undefined
  return (maker ?? examples)(fc, node)
}

const examples: Maker = (fc, node) => fc.integer().map((seed) =>
  exampleOf(node, 'the schema', { random: seededRandom(seed) }))

const makers: Readonly<Record<string, Maker>> = {
  Any: (fc) => fc.jsonValue({ maxDepth: 2 }),
  Array: arrays,
  Boolean: (fc) => fc.boolean(),
  Integer: (fc, node) => node['multipleOf'] === undefined ? integers(fc, node) : examples(fc, node),
  Literal: (fc, node) => fc.constant(node['const']),
  Null: (fc) => fc.constant(null),
  Number: (fc, node) => node['multipleOf'] === undefined ? numbers(fc, node) : examples(fc, node),
  Object: objects,
  String: texts,
  Tuple: (fc, { items = [] }) => fc.tuple(...(items as readonly SchemaNode[]).map((item) => valuesOf(fc, item))),
  Union: (fc, { anyOf = [] }) => fc.oneof(...anyOf.map((member) => valuesOf(fc, member))),
  Unknown: (fc) => fc.jsonValue({ maxDepth: 2 })
}

function arrays (fc: FastCheck, node: SchemaNode): Arbitrary {
  if (node['uniqueItems'] || node.contains) return examples(fc, node)
  const { minItems = 0, maxItems = minItems + 10, items } = node
  return fc.array(valuesOf(fc, items as SchemaNode), { minLength: minItems, maxLength: maxItems })
}

function integers (fc: FastCheck, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SchemaNode): Arbitrary {
  const min = Math.ceil(minimum ?? (exclusiveMinimum ?? Number.MIN_SAFE_INTEGER - 1) + 1)
  const max = Math.floor(maximum ?? (exclusiveMaximum ?? Number.MAX_SAFE_INTEGER + 1) - 1)
  return fc.integer({ min, max })
}

/** JSON has no negative zero. */
function numbers (fc: FastCheck, { minimum, maximum }: SchemaNode): Arbitrary {
  const bounds = { ...(minimum !== undefined && { min: minimum }), ...(maximum !== undefined && { max: maximum }) }
  return fc.double({ ...bounds, noNaN: true, noDefaultInfinity: true }).map((number) => number + 0)
}

function objects (fc: FastCheck, { properties = {}, required = [] }: SchemaNode): Arbitrary {
  const possible = Object.entries(properties).filter(([, property]) => property[Kind] !== 'Never')
  const values = Object.fromEntries(possible.map(([name, property]) => [name, valuesOf(fc, property)]))
  return fc.record(values, { requiredKeys: required as string[], noNullPrototype: true })
}

function texts (fc: FastCheck, node: SchemaNode): Arbitrary {
  if (node['pattern'] !== undefined || node['format'] !== undefined) return examples(fc, node)
  const { minLength = 0, maxLength = minLength + 100 } = node
  // A character may have several UTF-16 code units, which the schema counts. Texts that are too long are left out.
  const ofAnyScript = fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 8) })
  return fc.oneof({ weight: 3, arbitrary: fc.string({ minLength, maxLength }) }, { weight: 1, arbitrary: ofAnyScript })
}
