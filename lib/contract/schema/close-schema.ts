import { FormatRegistry, Kind, TransformKind, Type, TypeRegistry } from '@sinclair/typebox'
import { ContractError } from '../contract-errors.ts'
import type { TypeBoxSchema } from './typebox-schema.ts'
import { refuseExponential } from './exponential.ts'
import { requireTypeBox } from './foreign-schema.ts'
import { refuseSharedIds, refuseUnreadableMembers, refuseUnreadableNames } from './typebox-faults.ts'
import { holdsProperties, isRecursive, mapChildren, type SchemaNode } from './schema-node.ts'

/** The kinds of schemas that JSON can represent and TypeBox can check. */
const jsonKinds = new Set([
  'Any', 'Array', 'Boolean', 'Import', 'Integer', 'Intersect', 'Literal', 'Never', 'Not', 'Null', 'Number', 'Object',
  'Record', 'Ref', 'RegExp', 'String', 'TemplateLiteral', 'This', 'Tuple', 'Union', 'Unknown'
])

/**
 * Copies a schema and closes every object in it, unless the schema says which other properties it may have. The members
 * of an intersection stay open and the intersection is closed, because closed members would refuse each other's
 * properties.
 * @throws {ContractError} for a kind that JSON cannot represent, a transform, a format that is not registered, or a
 *   schema that TypeBox mis-reads or is slow to check.
 */
export function closeSchema (schema: TypeBoxSchema, path: string): SchemaNode {
  const closed = close(schema as SchemaNode, path)
  refuseExponential(closed, path)
  refuseSharedIds(closed, path)
  return closed
}

function close (node: SchemaNode, path: string): SchemaNode {
  refuseUncheckable(node, path)
  if (node[Kind] === 'Intersect') return closeIntersection(node, path)
  const closed = mapChildren(node, (child, key) => close(child, `${path}/${key}`))
  const isOpen = holdsProperties(node) && node.additionalProperties === undefined
  // A `Ref` has the same meaning, but TypeBox can resolve it also where it compiles a part of a recursive type.
  return { ...closed, ...(node[Kind] === 'This' && { [Kind]: 'Ref' }), ...(isOpen && { additionalProperties: false }) }
}

/** Copies a closed schema and allows undeclared properties, to find the type of a value before they are removed. */
export function openSchema (node: SchemaNode): SchemaNode {
  const { additionalProperties, unevaluatedProperties, ...rest } = mapChildren(node, openSchema)
  return {
    ...rest,
    ...(additionalProperties && { additionalProperties }),
    ...(unevaluatedProperties && { unevaluatedProperties })
  }
}

/**
 * TypeBox knows the properties of an intersection only where its members are objects and records. Therefore unions in
 * it are expanded: `A & (B | C)` becomes `(A & B) | (A & C)`.
 */
function closeIntersection (node: SchemaNode, path: string): SchemaNode {
  const { allOf, unevaluatedProperties, ...rest } = node
  const ways = multiply(allOf as readonly SchemaNode[], path).map((members) => {
    const closing = closingOf(members, unevaluatedProperties, path)
    const { unevaluatedProperties: others = true } = closing
    if (others !== true) refuseUnreadableMembers(members, path)
    return { [Kind]: 'Intersect', allOf: members.toSorted(byRecursion), ...closing }
  })
  const closed = ways.length === 1 ? ways[0] : { [Kind]: 'Union', anyOf: ways }
  return { ...rest, ...closed } as SchemaNode
}

/** Recursive members last, so that a discriminator is checked before them. */
const byRecursion = (a: SchemaNode, b: SchemaNode) => Number(isRecursive(a)) - Number(isRecursive(b))

/** The number of alternatives that an intersection may be expanded to. 20 unions of two would make a million. */
const maxWays = 256

function multiply (members: readonly SchemaNode[], path: string): SchemaNode[][] {
  return members.map((s, i) => waysOf(s, `${path}/${i}`)).reduce((ways, more) => {
    if (ways.length * more.length <= maxWays) return ways.flatMap((way) => more.map((members) => [...way, ...members]))
    throw new ContractError(path, `an intersection of more than ${maxWays} alternatives`, 'use fewer unions in it')
  }, [[]] as SchemaNode[][])
}

/** The members of `node` as an intersection, for each alternative of its unions. */
function waysOf (node: SchemaNode, path: string): SchemaNode[][] {
  refuseUncheckable(node, path)
  if (node[Kind] === 'Union') return (node.anyOf as readonly SchemaNode[]).flatMap((s, i) => waysOf(s, `${path}/${i}`))
  if (node[Kind] === 'Intersect' && node.unevaluatedProperties === undefined) {
    return multiply(node.allOf as readonly SchemaNode[], path)
  }
  if (node.$ref !== undefined) {
    throw new ContractError(path, 'a reference within an intersection', 'write its properties out')
  }
  return [[openMember(node, path)]]
}

/** Without its `$id`, because references to that id mean the closed schema. */
function openMember (node: SchemaNode, path: string): SchemaNode {
  const { $id, additionalProperties, ...closed } = close(node, path)
  return { ...closed, ...(node.additionalProperties !== undefined && { additionalProperties }) } as SchemaNode
}

function closingOf (
  members: readonly SchemaNode[], declared: SchemaNode['unevaluatedProperties'], path: string
): Pick<SchemaNode, 'unevaluatedProperties'> {
  if (typeof declared === 'object') return { unevaluatedProperties: close(declared, `${path}/*`) }
  if (declared !== undefined) return { unevaluatedProperties: declared }
  const saysMore = members.some((s) => s.additionalProperties || s.unevaluatedProperties)
  return members.some(holdsProperties) && !saysMore ? { unevaluatedProperties: false } : {}
}

/** Each copy of TypeBox has registries of its own. */
const registerWith = (registry: string) =>
  `register it first, with the ${registry} of the copy of @sinclair/typebox that fastify-channels loads`

function refuseUncheckable (node: SchemaNode, path: string): void {
  requireTypeBox(node, path)
  const kind = node[Kind] as string
  if (!jsonKinds.has(kind) && !TypeRegistry.Has(kind)) {
    throw new ContractError(path, `a schema of kind '${kind}'`,
      kind in Type ? 'use a kind that JSON can represent' : registerWith('TypeRegistry'))
  }
  refuseUnreadableNames(node, path)
  if (TransformKind in node) {
    throw new ContractError(path, 'a transform', 'declare the JSON type and convert the value in the handler')
  }
  if (node.format !== undefined && !FormatRegistry.Has(node.format)) {
    throw new ContractError(path, `unknown format '${node.format}'`,
      registerWith('FormatRegistry'))
  }
}
