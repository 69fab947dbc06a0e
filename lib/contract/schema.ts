import { FormatRegistry, Kind, TransformKind, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { ContractError } from './contract-errors.ts'

/** What JSON can carry, and TypeBox can check. */
const jsonKinds = new Set([
  'Any', 'Array', 'Boolean', 'Import', 'Integer', 'Intersect', 'Literal', 'Never', 'Not', 'Null', 'Number', 'Object',
  'Record', 'Ref', 'RegExp', 'String', 'TemplateLiteral', 'This', 'Tuple', 'Union', 'Unknown'
])

/** TypeBox's schema types are too many to switch over; these are the members that can hold further schemas. */
export interface SchemaNode extends TSchema {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly $defs?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode | readonly SchemaNode[]
  readonly anyOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly additionalProperties?: boolean | SchemaNode
  readonly unevaluatedProperties?: boolean | SchemaNode
  readonly $ref?: string
}

/**
 * A copy of a schema with every object closed, unless the schema itself says what else may stand there. The members of
 * an intersection stay open, the whole is closed: closed members would refuse each other's properties.
 * @throws {ContractError} for what JSON cannot carry, a transform, or a format that is not registered, naming the path.
 */
export function closeSchema (schema: TSchema, path: string): SchemaNode {
  return close(schema as SchemaNode, path)
}

function close (node: SchemaNode, path: string): SchemaNode {
  refuseUncheckable(node, path)
  if (node[Kind] === 'Intersect') return closeIntersection(node, path)
  const closed = mapChildren(node, (child, key) => close(child, `${path}/${key}`))
  const isOpen = holdsProperties(node) && node.additionalProperties === undefined
  // The same meaning, but TypeBox finds what a `Ref` refers to also where it compiles a part of a recursive type.
  return { ...closed, ...(node[Kind] === 'This' && { [Kind]: 'Ref' }), ...(isOpen && { additionalProperties: false }) }
}

/** A copy of a closed schema that tolerates undeclared properties: for telling what a value is before they are removed. */
export function openSchema (node: SchemaNode): SchemaNode {
  const { additionalProperties, unevaluatedProperties, ...rest } = mapChildren(node, openSchema)
  return { ...rest, ...(additionalProperties && { additionalProperties }), ...(unevaluatedProperties && { unevaluatedProperties }) }
}

export function holdsProperties (node: SchemaNode): boolean {
  return node[Kind] === 'Object' || node[Kind] === 'Record' || node[Kind] === 'Intersect'
}

function mapChildren (node: SchemaNode, map: (child: SchemaNode, key: string | number) => SchemaNode): SchemaNode {
  const each = (children: Readonly<Record<string, SchemaNode>>) =>
    Object.fromEntries(Object.entries(children).map(([key, child]) => [key, map(child, key)]))
  const { properties, patternProperties, $defs, items, anyOf, allOf, additionalProperties, unevaluatedProperties } = node
  return {
    ...node,
    ...(properties && { properties: each(leavesFirst(properties)) }),
    ...(patternProperties && { patternProperties: each(patternProperties) }),
    ...($defs && { $defs: each($defs) }),
    ...(items && { items: isList(items) ? items.map(map) : map(items, '*') }),
    ...(anyOf && { anyOf: anyOf.map(map) }),
    ...(allOf && { allOf: allOf.map(map) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: map(additionalProperties, '*') }),
    ...(typeof unevaluatedProperties === 'object' && { unevaluatedProperties: map(unevaluatedProperties, '*') })
  }
}

/**
 * A check looks at properties in their order. In a union of recursive objects the discriminator has to come before what
 * recurses, or every member is followed to the bottom at every level: 2^64 ways at the depth that a message may have.
 */
function leavesFirst (properties: Readonly<Record<string, SchemaNode>>): Readonly<Record<string, SchemaNode>> {
  const isBranch = (node: SchemaNode) => Number('$ref' in node || 'items' in node || 'anyOf' in node || 'allOf' in node || holdsProperties(node))
  return Object.fromEntries(Object.entries(properties).sort(([, a], [, b]) => isBranch(a) - isBranch(b)))
}

function isList (items: SchemaNode | readonly SchemaNode[]): items is readonly SchemaNode[] {
  return Array.isArray(items)
}

/**
 * TypeBox knows the properties of an intersection only where its members are objects and records. So unions in it are
 * multiplied out: `A & (B | C)` is `(A & B) | (A & C)`.
 */
function closeIntersection (node: SchemaNode, path: string): SchemaNode {
  const { allOf, unevaluatedProperties, ...rest } = node
  const ways = multiply(allOf as readonly SchemaNode[], path).map((members) => ({
    [Kind]: 'Intersect', allOf: members, ...closingOf(members, unevaluatedProperties, path)
  }))
  const closed = ways.length === 1 ? ways[0] : { [Kind]: 'Union', anyOf: ways }
  return { ...rest, ...closed } as SchemaNode
}

function multiply (members: readonly SchemaNode[], path: string): SchemaNode[][] {
  return members.map((s, i) => waysOf(s, `${path}/${i}`))
    .reduce((ways, more) => ways.flatMap((way) => more.map((members) => [...way, ...members])), [[]] as SchemaNode[][])
}

/** Each way to be `node`, as the members of an intersection. */
function waysOf (node: SchemaNode, path: string): SchemaNode[][] {
  refuseUncheckable(node, path)
  if (node[Kind] === 'Union') return (node.anyOf as readonly SchemaNode[]).flatMap((s, i) => waysOf(s, `${path}/${i}`))
  if (node[Kind] === 'Intersect' && node.unevaluatedProperties === undefined) return multiply(node.allOf as readonly SchemaNode[], path)
  if (node.$ref !== undefined) throw new ContractError(path, 'a reference within an intersection', 'write its properties out')
  return [[openMember(node, path)]]
}

/** Without its name, for by that name the rest of the schema knows the closed one. */
function openMember (node: SchemaNode, path: string): SchemaNode {
  const { $id, additionalProperties, ...closed } = close(node, path)
  return { ...closed, ...(node.additionalProperties !== undefined && { additionalProperties }) } as SchemaNode
}

function closingOf (members: readonly SchemaNode[], declared: SchemaNode['unevaluatedProperties'], path: string): object {
  if (typeof declared === 'object') return { unevaluatedProperties: close(declared, `${path}/*`) }
  if (declared !== undefined) return { unevaluatedProperties: declared }
  const saysMore = members.some((s) => s.additionalProperties || s.unevaluatedProperties)
  return members.some(holdsProperties) && !saysMore ? { unevaluatedProperties: false } : {}
}

function refuseUncheckable (node: SchemaNode, path: string): void {
  const kind = node?.[Kind]
  if (typeof kind !== 'string') {
    throw new ContractError(path, 'a value that is not a TypeBox schema', 'pass a schema of @sinclair/typebox')
  }
  if (!jsonKinds.has(kind) && !TypeRegistry.Has(kind)) {
    throw new ContractError(path, `a schema of kind '${kind}'`, 'use a kind that JSON can represent')
  }
  if (TransformKind in node) {
    throw new ContractError(path, 'a transform', 'declare the JSON type and convert the value in the handler')
  }
  if (node.format !== undefined && !FormatRegistry.Has(node.format)) {
    throw new ContractError(path, `unknown format '${node.format}'`, "register it with TypeBox's FormatRegistry first")
  }
}
