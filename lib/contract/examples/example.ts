import { Kind } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { ContractError } from '../contract-errors.ts'
import { isRecursive, type SchemaNode } from '../schema/schema-node.ts'
import type { TypeBoxSchema } from '../schema/typebox-schema.ts'
import { exampleNumber } from './number.ts'
import { patternText } from './pattern-text.ts'
import { integerBetween, pick, seededRandom, type Random } from './random.ts'
import { fitted, readableText } from './texts.ts'

export interface ExampleOptions {
  /**
   * The source of random numbers. The same numbers make the same value.
   * @default seededRandom(1)
   */
  readonly random?: Random
  /**
   * Whether texts and arrays may be as long as the schema allows, up to 10,000 characters and 100 items.
   * @default false, so that examples stay readable
   */
  readonly isFull?: boolean
}

/** What the value of a part depends on. */
interface Scope {
  readonly random: Random
  readonly isFull: boolean
  /** The schemas that a reference may name. */
  readonly named: ReadonlyMap<string, SchemaNode>
  /** The name of the property that the value belongs to. */
  readonly property: string
  readonly depth: number
}

/** Values of a recursive schema end at this depth, where the schema allows it. */
const maxDepth = 5
/** How often a value is made again that its schema refuses, such as for a pattern with a lookahead. */
const maxAttempts = 50

const readable = { text: 40, items: 3, keys: 2 }
const full = { text: 10_000, items: 100, keys: 2 }

/** What schemas of other kinds, such as `Not`, are tried with. */
const candidates: readonly unknown[] = ['text', 1, true, null, {}, []]

/**
 * A value of a schema with readable texts, for documents, mocks and tests. A schema with the annotation `examples` gets
 * one of these.
 * @throws {ContractError} when none is found, which only patterns and combinations of schemas may cause
 */
export function exampleOf (schema: TypeBoxSchema, path: string, options: ExampleOptions = {}): unknown {
  const { random = seededRandom(1), isFull = false } = options
  const node = schema as SchemaNode
  const scope = { random, isFull, named: new Map(), property: '', depth: 0 }
  for (let i = 0; i < maxAttempts; i++) {
    const value = make(node, scope)
    if (Value.Check(node, value)) return value
  }
  throw new ContractError(path, 'no example of this schema is found', "add the annotation 'examples' to its parts")
}

function make (node: SchemaNode, outer: Scope): unknown {
  const examples = node['examples'] as readonly unknown[] | undefined
  if (examples?.length) return structuredClone(pick(outer.random, examples))
  const own = [...(node.$id === undefined ? [] : [[node.$id, node] as const]), ...Object.entries(node.$defs ?? {})]
  const scope = { ...outer, depth: outer.depth + 1, named: new Map([...outer.named, ...own]) }
  const maker = makers[node[Kind] as string]
  return maker ? maker(node, scope) : pick(scope.random, candidates.filter((value) => Value.Check(node, value)))
}

type Maker = (node: SchemaNode, scope: Scope) => unknown

const byReference: Maker = ({ $ref = '' }, scope) => make(scope.named.get($ref) as SchemaNode, scope)

const makers: Readonly<Record<string, Maker>> = {
  Any: (_, { random, property }) => readableText(random, property),
  Array: arrayOf,
  Boolean: (_, { random }) => random() >= 0.5,
  Import: byReference,
  Integer: (node, { random, property }) => exampleNumber(node, random, property, 1),
  Intersect: (node, scope) => Object.assign({}, ...(node.allOf as SchemaNode[]).map((part) => make(part, scope))),
  Literal: (node) => node['const'],
  Null: () => null,
  Number: (node, { random, property }) => exampleNumber(node, random, property, 0.01),
  Object: objectOf,
  Record: recordOf,
  Ref: byReference,
  RegExp: (node, scope) => patternText(node['source'], scope.random, scope.isFull, node['flags']),
  String: textOf,
  TemplateLiteral: (node, scope) => patternText(node['pattern'], scope.random, scope.isFull),
  This: byReference,
  Tuple: ({ items = [] }, scope) => (items as SchemaNode[]).map((item) => make(item, scope)),
  Union: unionOf,
  Unknown: (_, { random, property }) => readableText(random, property)
}

function textOf (node: SchemaNode, { random, isFull, property }: Scope): string {
  if (node['pattern'] !== undefined) return patternText(node['pattern'], random, isFull)
  const text = readableText(random, property, node['format'])
  const { minLength = 0, maxLength = Math.max(minLength, readable.text) } = node
  if (node['format'] !== undefined) return text
  if (!isFull) return fitted(random, text, minLength, maxLength)
  const length = integerBetween(random, minLength, Math.min(maxLength, Math.max(minLength, full.text)))
  return fitted(random, text, length, length)
}

function arrayOf (node: SchemaNode, scope: Scope): unknown[] {
  const { minItems = 0, maxItems = Infinity, uniqueItems = false, contains, items } = node
  const usual = scope.isFull && maxItems !== Infinity ? full.items : readable.items
  const most = scope.depth > maxDepth ? minItems : Math.max(minItems, usual)
  const length = integerBetween(scope.random, minItems, Math.min(maxItems, most))
  // Arrays in arrays stay short, because their lengths multiply.
  const inner = { ...scope, isFull: false }
  const made = Array.from({ length }, () => make(items as SchemaNode, inner))
  if (contains && length > 0) made[0] = make(contains, inner)
  const isNew = (item: unknown, i: number) => !made.slice(0, i).some((other) => Value.Equal(item, other))
  return uniqueItems ? made.filter(isNew) : made
}

function objectOf (node: SchemaNode, scope: Scope): object {
  const required = (node['required'] ?? []) as readonly string[]
  const isDeep = scope.depth > maxDepth
  const chosen = Object.entries(node.properties as Readonly<Record<string, SchemaNode>>).filter(([name, property]) =>
    required.includes(name) || (!isDeep && property[Kind] !== 'Never' && scope.random() >= 0.3))
  return Object.fromEntries(chosen.map(([name, property]) => [name, make(property, { ...scope, property: name })]))
}

function recordOf (node: SchemaNode, scope: Scope): object {
  const [[pattern, schema]] = Object.entries(
    node.patternProperties as Readonly<Record<string, SchemaNode>>
  ) as [[string, SchemaNode]]
  const { minProperties = 0 } = node
  const size = integerBetween(scope.random, minProperties, Math.max(minProperties, readable.keys))
  // The pattern of a record with any name matches everything.
  const nameOf = () => pattern === '^(.*)$' ? readableText(scope.random, '') : patternText(pattern, scope.random)
  return Object.fromEntries(Array.from({ length: size }, () => [nameOf(), make(schema, scope)]))
}

/** Beyond the depth, a member that does not contain the union itself. */
function unionOf ({ anyOf = [] }: SchemaNode, scope: Scope): unknown {
  const ending = anyOf.filter((member) => !isRecursive(member))
  return make(pick(scope.random, scope.depth > maxDepth && ending.length > 0 ? ending : anyOf), scope)
}
