import { Kind } from '@sinclair/typebox'
import type { SchemaNode } from '../../contract/schema/schema-node.ts'

type Others = SchemaNode['unevaluatedProperties']

/** What an object within an intersection may say, so that it can become a part of one object. */
const mergeable = new Set(['type', 'properties', 'required', 'patternProperties', '$id', 'title', 'description'])

/** The members of an intersection, for each alternative of the unions in it: `A & (B | C)` is `A & B` or `A & C`. */
export function alternativesOf (node: SchemaNode): SchemaNode[][] {
  if (node[Kind] === 'Union') return (node.anyOf as readonly SchemaNode[]).flatMap(alternativesOf)
  if (node[Kind] !== 'Intersect') return [[node]]
  return (node.allOf as readonly SchemaNode[]).map(alternativesOf).reduce((ways, more) =>
    ways.flatMap((way) => more.map((members) => [...way, ...members])), [[]])
}

/**
 * An intersection of objects as one object, because JSON Schema of draft 7 cannot close an intersection. Undefined
 * where a member is no object, or says itself what further properties it has.
 */
export function mergedObject (members: readonly SchemaNode[], others: Others): SchemaNode | undefined {
  if (!members.every(isMergeable)) return undefined
  const required = [...new Set(members.flatMap(({ required = [] }) => required as string[]))]
  return {
    [Kind]: 'Object',
    type: 'object',
    ...(required.length > 0 && { required }),
    ...together('properties', members),
    ...together('patternProperties', members),
    additionalProperties: others ?? false
  } as unknown as SchemaNode
}

function isMergeable (member: SchemaNode): boolean {
  return (member[Kind] === 'Object' || member[Kind] === 'Record') &&
    Object.keys(member).every((keyword) => mergeable.has(keyword))
}

/** The properties of all members. One that several have must match all of their schemas. */
function together (keyword: 'properties' | 'patternProperties', members: readonly SchemaNode[]): object {
  const schemas = new Map<string, SchemaNode[]>()
  for (const member of members) {
    for (const [name, schema] of Object.entries(member[keyword] ?? {})) {
      schemas.set(name, [...schemas.get(name) ?? [], schema])
    }
  }
  if (schemas.size === 0) return {}
  return { [keyword]: Object.fromEntries([...schemas].map(([name, found]) => [name, allOf(found)])) }
}

/** Not an intersection of TypeBox, because each of these objects is closed by itself. */
function allOf (schemas: readonly SchemaNode[]): SchemaNode {
  return (schemas.length === 1 ? schemas[0] : { [Kind]: 'AllOf', allOf: schemas }) as SchemaNode
}
