import { Kind, OptionalKind, Type, type TSchema } from '@sinclair/typebox'
import fc from 'fast-check'

/** The parts of a schema that this file uses, whatever its kind. */
interface Node extends TSchema {
  readonly properties?: Readonly<Record<string, Node>>
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean
  readonly items?: Node | readonly Node[]
  readonly anyOf?: readonly Node[]
}

/** Names of properties, some of which code could mistake for something else. */
const names = ['a', 'b', 'kind', 'n', 'toString', 'constructor', 'length', 'hasOwnProperty', 'x y', 'ä', '0', 'a.b']

const strings = fc.oneof(
  fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 4 }), fc.constantFrom('', '\u0000', '\u2028')
)

const literals = [Type.Literal('on'), Type.Literal(7), Type.Literal(true)]

/** Any schema of the kinds that a contract usually has. */
export const schemas: fc.Arbitrary<TSchema> = fc.letrec<{ schema: TSchema, leaf: TSchema, tree: TSchema }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<TSchema>(
      Type.String(), Type.Integer(), Type.Number(), Type.Boolean(), Type.Null(), Type.Unknown(), ...literals,
      Type.String({ minLength: 1, maxLength: 3 }), Type.Integer({ minimum: -2, maximum: 9 })
    )
  ),
  tree: fc.oneof(
    fc.dictionary(fc.constantFrom(...names), fc.tuple(tie('schema'), fc.boolean(), fc.boolean()), { maxKeys: 4 })
      .chain((members) => fc.boolean().map((isOpen) => Type.Object(
        Object.fromEntries(Object.entries(members).map(([name, [schema, isOptional]]) =>
          [name, isOptional ? Type.Optional(schema) : schema])),
        isOpen ? { additionalProperties: true } : {}
      ))),
    tie('schema').map((schema) => Type.Array(schema, { maxItems: 3 })),
    fc.array(tie('schema'), { maxLength: 3 }).map((items) => Type.Tuple(items)),
    fc.array(tie('schema'), { minLength: 2, maxLength: 3 }).map((any) => Type.Union(any)),
    tie('schema').map((schema) => Type.Record(Type.String(), schema))
  ),
  schema: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('tree'))
})).tree

/** Values that conform to the schema. */
export function valuesOf (schema: TSchema): fc.Arbitrary<unknown> {
  const { minLength = 0, maxLength = 8, minimum = -100, maximum = 100 } = schema as Record<string, number>
  const node = schema as Node
  switch (schema[Kind]) {
    case 'String': return strings.filter(({ length }) => length >= minLength && length <= maxLength)
    case 'Integer': return fc.integer({ min: minimum, max: maximum })
    case 'Number': return fc.double({ noNaN: true, noDefaultInfinity: true })
    case 'Boolean': return fc.boolean()
    case 'Null': return fc.constant(null)
    case 'Literal': return fc.constant(schema['const'])
    case 'Object': return fc.record(
      mapValues(node.properties ?? {}, valuesOf),
      { requiredKeys: Object.keys(node.properties ?? {}).filter((name) => !isOptional(node.properties?.[name])) }
    )
    case 'Array': return fc.array(valuesOf(node.items as Node), { maxLength: 3 })
    case 'Tuple': return fc.tuple(...(node.items as readonly Node[] | undefined ?? []).map(valuesOf))
    case 'Union': return fc.oneof(...(node.anyOf ?? []).map(valuesOf))
    case 'Record': return fc.dictionary(fc.constantFrom(...names), valuesOf(recordValue(node)), { maxKeys: 3 })
    default: return fc.jsonValue({ maxDepth: 2 })
  }
}

/** A second opinion: whether a value conforms to the schema, all objects closed unless they say otherwise. */
export function conforms (schema: TSchema, value: unknown): boolean {
  const { minLength = 0, maxLength = Infinity, minimum = -Infinity, maximum = Infinity, maxItems = Infinity } =
    schema as Record<string, number>
  const node = schema as Node
  switch (schema[Kind]) {
    case 'String': return typeof value === 'string' && value.length >= minLength && value.length <= maxLength
    case 'Integer': return Number.isInteger(value) && value as number >= minimum && value as number <= maximum
    case 'Number': return Number.isFinite(value)
    case 'Boolean': return typeof value === 'boolean'
    case 'Null': return value === null
    case 'Literal': return value === schema['const']
    case 'Array': return Array.isArray(value) && value.length <= maxItems &&
      value.every((item) => conforms(node.items as Node, item))
    case 'Tuple': return conformsToTuple(node.items as readonly Node[] | undefined ?? [], value)
    case 'Union': return (node.anyOf ?? []).some((any) => conforms(any, value))
    case 'Record': return isObject(value) && Object.values(value).every((item) => conforms(recordValue(node), item))
    case 'Object': return isObject(value) && conformsToObject(node, value)
    // Anything, and no payload at all.
    default: return true
  }
}

function conformsToTuple (items: readonly Node[], value: unknown): boolean {
  return Array.isArray(value) && value.length === items.length && items.every((item, i) => conforms(item, value[i]))
}

function conformsToObject ({ properties = {}, additionalProperties }: Node, value: Record<string, unknown>): boolean {
  const declared = new Map(Object.entries(properties))
  const isUndeclared = (name: string) => !declared.has(name)
  return [...declared].every(([name, property]) =>
    Object.hasOwn(value, name) ? conforms(property, value[name]) : isOptional(property)) &&
    (additionalProperties === true || !Object.keys(value).some(isUndeclared))
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isOptional = (schema?: Node) => schema !== undefined && OptionalKind in schema

const recordValue = ({ patternProperties }: Node) => Object.values(patternProperties ?? {})[0] as Node

function mapValues<V, R> (record: Readonly<Record<string, V>>, map: (value: V) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
