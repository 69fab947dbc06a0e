import { isObject, type JsonSchema } from '../schema/json-schema.ts'

/** A schema with the document that its references point into. */
export interface Side {
  readonly schema: JsonSchema
  readonly root: object
}

/** The schema of a query, of headers or of params; anything where there is none. */
export function sideOf (root: object, schema: unknown): Side {
  return { root, schema: isObject(schema) ? schema : {} }
}

/** `false` accepts nothing, `true` and an absent schema anything. */
export function asSchema (schema: unknown): JsonSchema {
  if (schema === false) return { not: {} }
  return isObject(schema) ? schema : {}
}

/** The schema that a reference means; any other schema is itself. */
export function resolved ({ schema, root }: Side): JsonSchema {
  const { $ref } = schema
  if (typeof $ref !== 'string') return schema
  return resolved({ schema: asSchema(valueAt(root, $ref)), root })
}

/** The value that a JSON pointer such as `#/components/schemas/User` names. */
export function valueAt (root: object, pointer: string): unknown {
  const names = pointer.slice(2).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.reduce<unknown>((value, name) => (Object(value) as JsonSchema)[name], root)
}
