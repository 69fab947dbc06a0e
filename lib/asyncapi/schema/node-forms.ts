import { holdsProperties, isList, type SchemaNode } from '../../contract/schema/schema-node.ts'
import { isObject, plainJson, type JsonSchema } from './json-schema.ts'

/** Turns a schema within another into JSON Schema. */
export type Convert = (child: SchemaNode, key: string | number) => JsonSchema

/** A copy with each schema within it converted. */
export function withMembers (node: SchemaNode, convert: Convert): Record<string, unknown> {
  const { $id, $defs, ...result }: Record<string, unknown> = { ...node }
  for (const keyword of ['properties', 'patternProperties'] as const) {
    const members = node[keyword]
    if (members) result[keyword] = Object.fromEntries(Object.entries(members).map(([k, v]) => [k, convert(v, k)]))
  }
  for (const keyword of ['anyOf', 'allOf'] as const) {
    const members = node[keyword]
    if (members) result[keyword] = members.map(convert)
  }
  for (const keyword of ['additionalProperties', 'unevaluatedProperties', 'not', 'contains'] as const) {
    const member = node[keyword]
    if (isObject(member)) result[keyword] = convert(member as SchemaNode, '*')
  }
  const { items } = node
  if (items) result.items = isList(items) ? items.map(convert) : convert(items, '*')
  return result
}

/** TypeBox's own form of a regular expression. JSON Schema has no flags. */
export function regExpSchema ({ type, source, flags, ...rest }: SchemaNode): JsonSchema {
  const pattern = flags === '' || flags === 'u' ? { pattern: source as string } : { 'x-regexp': { source, flags } }
  return plainJson({ type: 'string', ...pattern, ...rest })
}

/** An intersection that cannot be one object. What it says of further properties, draft 7 does not know. */
export function openIntersection (
  members: readonly SchemaNode[], unevaluatedProperties: SchemaNode['unevaluatedProperties'], convert: Convert
): JsonSchema {
  const isClosed = members.some(holdsProperties) && !members.some((member) => member.additionalProperties)
  const others = typeof unevaluatedProperties === 'object' ? convert(unevaluatedProperties, '*') : unevaluatedProperties
  return {
    allOf: members.map((member) => withMembers(member, convert)),
    ...(others !== undefined ? { unevaluatedProperties: others } : isClosed && { unevaluatedProperties: false })
  }
}
