import { isObject, plainJson, type JsonSchema } from '../../lib/asyncapi/schema/json-schema.ts'

/**
 * A schema of a route as plain JSON Schema, without references to those of `app.addSchema`. Undefined for a schema of
 * another kind, such as one of zod, which the application's own compiler reads.
 */
export function plainSchema (schema: unknown, shared: Readonly<Record<string, unknown>>): JsonSchema | undefined {
  const resolved = isObject(schema) ? withoutReferences(schema, shared, []) : undefined
  return isObject(resolved) && resolved.type === 'object' ? plainJson(resolved) : undefined
}

/** @param above the references that the value is within: a recursive schema ends at its second turn */
function withoutReferences (
  value: unknown, shared: Readonly<Record<string, unknown>>, above: readonly string[]
): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutReferences(item, shared, above))
  if (!isObject(value)) return value
  const { $ref, $id, ...rest } = value
  if (typeof $ref === 'string') {
    return above.includes($ref) ? {} : withoutReferences(targetOf($ref, shared), shared, [...above, $ref])
  }
  return Object.fromEntries(Object.entries(rest).map(([key, member]) =>
    [key, withoutReferences(member, shared, above)]))
}

/** `address#/properties/city`, or `#/…` within the schema itself, which is not followed. */
function targetOf ($ref: string, shared: Readonly<Record<string, unknown>>): unknown {
  const [id = '', pointer = ''] = $ref.split('#')
  return pointer.split('/').slice(1).reduce<unknown>((schema, key) =>
    (Object(schema) as Record<string, unknown>)[key], shared[id]) ?? {}
}
