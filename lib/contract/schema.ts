import { FormatRegistry, Kind, TransformKind, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { ContractError } from './contract-errors.ts'

/** The kinds of schemas that JSON can represent and TypeBox can check. */
const jsonKinds = new Set([
  'Any', 'Array', 'Boolean', 'Import', 'Integer', 'Intersect', 'Literal', 'Never', 'Not', 'Null', 'Number', 'Object',
  'Record', 'Ref', 'RegExp', 'String', 'TemplateLiteral', 'This', 'Tuple', 'Union', 'Unknown'
])

/** A schema of any kind, with the members that can contain other schemas. */
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
 * Copies a schema and closes every object in it, unless the schema says which other properties it may have. The members
 * of an intersection stay open and the intersection is closed, because closed members would refuse each other's
 * properties.
 * @throws {ContractError} for a kind that JSON cannot represent, a transform, or a format that is not registered.
 */
export function closeSchema (schema: TSchema, path: string): SchemaNode {
  return close(schema as SchemaNode, path)
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

export function holdsProperties (node: SchemaNode): boolean {
  return node[Kind] === 'Object' || node[Kind] === 'Record' || node[Kind] === 'Intersect'
}

function mapChildren (node: SchemaNode, map: (child: SchemaNode, key: string | number) => SchemaNode): SchemaNode {
  const each = (children: Readonly<Record<string, SchemaNode>>) =>
    Object.fromEntries(Object.entries(children).map(([key, child]) => [key, map(child, key)]))
  const { properties, patternProperties, $defs, items, anyOf, allOf } = node
  const { additionalProperties, unevaluatedProperties } = node
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
 * Puts recursive properties last, because a check reads properties in order. In a union of recursive objects the
 * discriminator must be checked first. Otherwise every member is checked to the bottom at every level, in up to 2^64
 * ways at the depth that a message may have.
 */
function leavesFirst (properties: Readonly<Record<string, SchemaNode>>): Readonly<Record<string, SchemaNode>> {
  const isBranch = (node: SchemaNode) =>
    Number('$ref' in node || 'items' in node || 'anyOf' in node || 'allOf' in node || holdsProperties(node))
  return Object.fromEntries(Object.entries(properties).sort(([, a], [, b]) => isBranch(a) - isBranch(b)))
}

function isList (items: SchemaNode | readonly SchemaNode[]): items is readonly SchemaNode[] {
  return Array.isArray(items)
}

/**
 * TypeBox knows the properties of an intersection only where its members are objects and records. Therefore unions in
 * it are expanded: `A & (B | C)` becomes `(A & B) | (A & C)`.
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

/** The members of `node` as an intersection, for each alternative of its unions. */
function waysOf (node: SchemaNode, path: string): SchemaNode[][] {
  refuseUncheckable(node, path)
  if (node[Kind] === 'Union') return (node.anyOf as readonly SchemaNode[]).flatMap((s, i) => waysOf(s, `${path}/${i}`))
  if (node[Kind] === 'Intersect' && node.unevaluatedProperties === undefined) {
    return multiply(
      node.allOf as readonly SchemaNode[], path
    )
  }
  if (node.$ref !== undefined) {
    throw new ContractError(
      path, 'a reference within an intersection', 'write its properties out'
    )
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
): object {
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
