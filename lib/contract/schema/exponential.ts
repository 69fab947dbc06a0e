import { Kind } from '@sinclair/typebox'
import { ContractError } from '../contract-errors.ts'
import { childrenOf, isRecursive, type SchemaNode } from './schema-node.ts'

type Named = ReadonlyMap<string, SchemaNode>

/** The part of a value that a schema checks with another schema. `*` is any property, `[]` any item. */
interface Part { readonly name: string, readonly schema: SchemaNode }

/**
 * Refuses schemas that check one part of a value in two ways, each of which comes back to the same schema. Such a check
 * takes twice as long for each level of the value: 2^64 steps at the depth that a message may have. The members of a
 * union are told apart by a property that they check before, and that no value can have for both.
 *
 * @throws {ContractError}
 */
export function refuseExponential (schema: SchemaNode, path: string): void {
  const named = new Map<string, SchemaNode>()
  visit(schema, path, (node) => { if (node.$id !== undefined) named.set(node.$id, node) })
  visit(schema, path, (node, path) => {
    const { anyOf, allOf, contains, items } = node
    if (anyOf && pairs(flat(anyOf, named)).some(([a, b]) => !areToldApart(a, b, node, named))) {
      throw new ContractError(path, 'a recursive union without a discriminator',
        "give each member a required property such as kind: Type.Literal('a'), with another value in each")
    }
    const isDouble = allOf && pairs(allOf).some(([a, b]) => sharedParts(a, b, node, named).length > 0)
    const isContained = contains && comesBack(contains, node, named) && comesBack(items as SchemaNode, node, named)
    if (isDouble || isContained) {
      throw new ContractError(path, 'a recursive part that is checked twice', 'declare it in one place')
    }
  })
}

function visit (node: SchemaNode, path: string, look: (node: SchemaNode, path: string) => void): void {
  look(node, path)
  for (const [key, child] of childrenOf(node)) visit(child, `${path}/${key}`, look)
}

function pairs<T> (list: readonly T[]): Array<readonly [T, T]> {
  return list.flatMap((a, i) => list.slice(i + 1).map((b) => [a, b] as const))
}

function resolve (node: SchemaNode, named: Named): SchemaNode {
  const target = node.$ref === undefined ? undefined : named.get(node.$ref)
  return target ?? node
}

/** The members of a union, with those of the unions in it. A union that is a member of itself has no others. */
function flat (anyOf: readonly SchemaNode[], named: Named, above: ReadonlySet<unknown> = new Set()): SchemaNode[] {
  if (above.has(anyOf)) return []
  return anyOf.map((member) => resolve(member, named)).flatMap((member) =>
    member.anyOf ? flat(member.anyOf, named, new Set([...above, anyOf])) : [member])
}

function areToldApart (a: SchemaNode, b: SchemaNode, union: SchemaNode, named: Named): boolean {
  const shared = sharedParts(a, b, union, named)
  if (shared.length === 0) return true
  const [before, other] = [propertiesBefore(a), propertiesBefore(b)]
  return Object.keys(before).some((name) => areDisjoint(before[name], other[name]))
}

/** The parts of a value that both schemas check with one that comes back to `origin`. */
function sharedParts (a: SchemaNode, b: SchemaNode, origin: SchemaNode, named: Named): Part[] {
  const [own, other] = [a, b].map((node) => partsOf(node).filter(({ schema }) => comesBack(schema, origin, named)))
  return (own as Part[]).filter((part) => (other as Part[]).some(({ name }) => overlap(name, part.name)))
}

const isItem = (name: string) => name === '[]'
const overlap = (a: string, b: string) => a === b || (isItem(a) === isItem(b) && (a === '*' || b === '*'))

function partsOf (node: SchemaNode): Part[] {
  const { properties = {}, patternProperties = {}, items, allOf = [] } = node
  const { additionalProperties, unevaluatedProperties } = node
  const others = [...Object.values(patternProperties), additionalProperties, unevaluatedProperties]
  return [
    ...allOf.flatMap(partsOf),
    ...Object.entries(properties).map(([name, schema]) => ({ name, schema })),
    ...others.flatMap((schema) => typeof schema === 'object' ? [{ name: '*', schema }] : []),
    ...(items ? [items].flat().map((schema) => ({ name: '[]', schema: schema as SchemaNode })) : [])
  ]
}

function comesBack (
  from: SchemaNode, origin: SchemaNode, named: Named, seen: Set<SchemaNode> = new Set()
): boolean {
  const node = resolve(from, named)
  if (node === origin) return true
  if (seen.has(node)) return false
  seen.add(node)
  return childrenOf(node).some(([, child]) => comesBack(child, origin, named, seen))
}

/** The required properties that are checked before the first recursive one, in the order of the check. */
function propertiesBefore (node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  const objects = node[Kind] === 'Intersect' ? node.allOf as readonly SchemaNode[] : [node]
  const declared = objects.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).map(([name, schema]) => ({ name, schema, required: required.includes(name) })))
  const end = declared.findIndex(({ schema }) => isRecursive(schema))
  return Object.fromEntries(declared.slice(0, end < 0 ? undefined : end).flatMap(({ name, schema, required }) =>
    required ? [[name, schema]] : []))
}

/** Whether no value can match both schemas, as far as their kinds and literals tell. */
function areDisjoint (a: SchemaNode | undefined, b: SchemaNode | undefined): boolean {
  if (!a || !b) return false
  const [one, other] = [valuesOf(a), valuesOf(b)]
  return one.length > 0 && other.length > 0 && !one.some((value) => other.includes(value))
}

/** The literals that a schema accepts; empty when it accepts others. */
function valuesOf (node: SchemaNode): unknown[] {
  if ('const' in node) return [node.const]
  const each = (node.anyOf ?? []).map(valuesOf)
  return each.some((values) => values.length === 0) ? [] : each.flat()
}
