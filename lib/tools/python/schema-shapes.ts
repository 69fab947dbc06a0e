import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'

/** Finds the schema that a reference means. */
type Resolve = (schema: JsonSchema) => JsonSchema

/** An object as a schema describes it. */
export interface ObjectShape {
  readonly properties: ReadonlyMap<string, JsonSchema>
  readonly required: ReadonlySet<string>
  /** The schema of all other members. Undefined where there are none. */
  readonly others: JsonSchema | undefined
}

/** A record: its members have one schema, and no names of their own. */
export interface RecordShape {
  readonly properties: undefined
  readonly others: JsonSchema
}

/** The schemas of a union, one of which a value has. Undefined for a schema of another kind. */
export function alternativesOf ({ anyOf, oneOf, type, ...rest }: JsonSchema): readonly JsonSchema[] | undefined {
  const members = anyOf ?? oneOf
  if (Array.isArray(members) && members.length > 0) return members as JsonSchema[]
  return Array.isArray(type) ? (type as string[]).map((one) => ({ ...rest, type: one })) : undefined
}

/** The members of an object, also of an intersection of objects. Undefined for a schema of another kind. */
export function objectOf (schema: JsonSchema, resolve: Resolve): ObjectShape | RecordShape | undefined {
  const { type, allOf, properties, required = [] } = schema
  if (Array.isArray(allOf)) return together((allOf as JsonSchema[]).map((one) => objectOf(resolve(one), resolve)))
  if (type !== 'object') return undefined
  const others = othersOf(schema)
  const named = Object.entries(properties ?? {}) as Array<[string, JsonSchema]>
  if (named.length === 0 && schema.additionalProperties !== false) return recordOf(others ?? {})
  if (named.length === 0 && others) return recordOf(others)
  return { properties: new Map(named), required: new Set(required as string[]), others }
}

const recordOf = (others: JsonSchema): RecordShape => ({ properties: undefined, others })

function othersOf ({ additionalProperties, patternProperties }: JsonSchema): JsonSchema | undefined {
  const schemas = Object.values(patternProperties ?? {}) as JsonSchema[]
  if (isObject(additionalProperties)) schemas.push(additionalProperties)
  if (additionalProperties === true) return {}
  return schemas.length > 1 ? { anyOf: schemas } : schemas[0]
}

function together (shapes: ReadonlyArray<ObjectShape | RecordShape | undefined>): ObjectShape | undefined {
  const objects = shapes.filter((shape) => shape?.properties) as ObjectShape[]
  if (objects.length < shapes.length) return undefined
  return {
    properties: new Map(objects.flatMap(({ properties }) => [...properties])),
    required: new Set(objects.flatMap(({ required }) => [...required])),
    others: objects.find(({ others }) => others)?.others
  }
}

/** Whether `null` is a value of the schema. */
export function isNullable (schema: JsonSchema, resolve: Resolve, above: readonly JsonSchema[] = []): boolean {
  const found = resolve(schema)
  if (above.includes(found)) return false
  if ('const' in found) return found.const === null
  if (Array.isArray(found.enum)) return found.enum.includes(null)
  const alternatives = alternativesOf(found)
  if (alternatives) return alternatives.some((one) => isNullable(one, resolve, [...above, found]))
  return found.type === undefined ? !('allOf' in found) : found.type === 'null'
}
