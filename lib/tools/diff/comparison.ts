import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'

/** Why a receiver may refuse a value, with the place in the value. */
export interface Refusal {
  readonly path: string
  readonly reason: string
}

/** A schema with the document that its references point into. */
export interface Side {
  readonly schema: JsonSchema
  readonly root: object
}

/** Compares two schemas at one place of a value. */
export interface Comparison {
  readonly path: string
  /** Whether the receiver ignores members that it does not know, as clients do. */
  readonly ignoresUnknown: boolean
  /** Compares schemas within these two. */
  within (sent: unknown, accepted: unknown, key: string): readonly Refusal[]
  refuse (reason: string): readonly Refusal[]
}

/** The value that a JSON pointer such as `#/components/schemas/User` names. */
export function valueAt (root: object, pointer: string): unknown {
  const names = pointer.slice(2).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.reduce<unknown>((value, name) => (Object(value) as JsonSchema)[name], root)
}
