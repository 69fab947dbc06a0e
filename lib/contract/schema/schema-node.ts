import { Kind, type TSchema } from '@sinclair/typebox'

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
  readonly not?: SchemaNode
  readonly contains?: SchemaNode
  readonly $ref?: string
}

export function holdsProperties (node: SchemaNode): boolean {
  return node[Kind] === 'Object' || node[Kind] === 'Record' || node[Kind] === 'Intersect'
}

export function mapChildren (
  node: SchemaNode, map: (child: SchemaNode, key: string | number) => SchemaNode
): SchemaNode {
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
  const order = (node: SchemaNode) => Number(isRecursive(node))
  return Object.fromEntries(Object.entries(properties).sort(([, a], [, b]) => order(a) - order(b)))
}

/** Whether a value of this schema can contain one of a schema that is named elsewhere, such as itself. */
export function isRecursive (node: SchemaNode): boolean {
  return node.$ref !== undefined || childrenOf(node).some(([, child]) => isRecursive(child))
}

/** The schemas within a schema, each with its part of the path. */
export function childrenOf (node: SchemaNode): Array<readonly [key: string, child: SchemaNode]> {
  const { properties, patternProperties, $defs, items = [], anyOf = [], allOf = [], not, contains } = node
  const { additionalProperties, unevaluatedProperties } = node
  const rest = [isList(items) ? undefined : items, contains, additionalProperties, unevaluatedProperties]
  return [
    ...Object.entries({ ...properties, ...patternProperties, ...$defs, ...(not && { not }) }),
    ...[isList(items) ? items : [], anyOf, allOf].flatMap(Object.entries<SchemaNode>),
    ...rest.flatMap((child) => typeof child === 'object' ? [['*', child] as const] : [])
  ]
}

export function isList (items: SchemaNode | readonly SchemaNode[]): items is readonly SchemaNode[] {
  return Array.isArray(items)
}
