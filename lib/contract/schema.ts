import { FormatRegistry, Kind, TransformKind, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { ContractError } from './contract-error.ts'

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
  readonly $ref?: string
}

/**
 * A copy of a schema with every object closed, unless the schema itself says what else may stand there. The members of
 * an intersection stay open, the whole is closed: closed members would refuse each other's properties.
 * @throws {ContractError} for what JSON cannot carry, a transform, or a format that is not registered, naming the spot.
 */
export function closeSchema (schema: TSchema, spot: string): SchemaNode {
  return close(schema as SchemaNode, spot, false)
}

function close (node: SchemaNode, spot: string, open: boolean): SchemaNode {
  refuseUncheckable(node, spot)
  const inside = (child: SchemaNode, key: string | number, stillOpen = false) => close(child, `${spot}/${key}`, stillOpen)
  const each = (children: Readonly<Record<string, SchemaNode>>, stillOpen = false) =>
    Object.fromEntries(Object.entries(children).map(([key, child]) => [key, inside(child, key, stillOpen)]))
  return {
    ...node,
    ...(node.properties && { properties: each(node.properties) }),
    ...(node.patternProperties && { patternProperties: each(node.patternProperties) }),
    ...(node.$defs && { $defs: each(node.$defs) }),
    ...(node.items && { items: Array.isArray(node.items) ? node.items.map((s, i) => inside(s, i)) : inside(node.items as SchemaNode, '*') }),
    ...(node.anyOf && { anyOf: node.anyOf.map((s, i) => inside(s, i, open)) }),
    ...(node.allOf && { allOf: node.allOf.map((s, i) => inside(s, i, true)) }),
    ...closing(node, spot, open)
  }
}

function closing (node: SchemaNode, spot: string, open: boolean): object {
  if (node[Kind] === 'Intersect') return open ? {} : { unevaluatedProperties: node.unevaluatedProperties ?? false }
  if (node[Kind] !== 'Object' && node[Kind] !== 'Record') return {}
  const { additionalProperties } = node
  if (typeof additionalProperties === 'object') return { additionalProperties: close(additionalProperties, `${spot}/*`, false) }
  return open || additionalProperties !== undefined ? {} : { additionalProperties: false }
}

function refuseUncheckable (node: SchemaNode, spot: string): void {
  const kind = node?.[Kind]
  if (typeof kind !== 'string') throw new ContractError(spot, 'is not a TypeBox schema (of @sinclair/typebox)')
  if (!jsonKinds.has(kind) && !TypeRegistry.Has(kind)) throw new ContractError(spot, `is of kind '${kind}', which JSON cannot carry`)
  if (TransformKind in node) throw new ContractError(spot, 'is a transform: the wire carries plain JSON, convert in the handler')
  if (node.format !== undefined && !FormatRegistry.Has(node.format)) {
    throw new ContractError(spot, `has the unknown format '${node.format}': register it with TypeBox's FormatRegistry first`)
  }
}
