import { Kind, KeyOfPattern, type TSchema } from '@sinclair/typebox'

/** A schema as the script of the page has it: that of TypeBox, with its kind as a member. */
export interface PageSchema {
  readonly kind: string
  readonly $id?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, PageSchema>>
  readonly title?: string
  readonly description?: string
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, PageSchema>>
  readonly patternProperties?: Readonly<Record<string, PageSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | PageSchema
  readonly unevaluatedProperties?: boolean | PageSchema
  /** Of an intersection: the pattern of the properties that it declares. */
  readonly keys?: string
  readonly items?: PageSchema | readonly PageSchema[]
  readonly anyOf?: readonly PageSchema[]
  readonly allOf?: readonly PageSchema[]
  readonly not?: PageSchema
  readonly contains?: PageSchema
  readonly pattern?: string
  readonly source?: string
  readonly flags?: string
  readonly uniqueItems?: boolean
  /** A limit, such as `maxLength`. */
  readonly [limit: string]: unknown
}

/** A schema without symbols, for JSON. */
export function pageSchema (schema: TSchema): PageSchema {
  return plain(schema) as PageSchema
}

function plain (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
  if (!(Kind in value)) return members
  const isIntersection = value[Kind] === 'Intersect'
  return { ...members, kind: value[Kind], ...(isIntersection && { keys: KeyOfPattern(value as TSchema) }) }
}
