/**
 * A schema of `@sinclair/typebox`, by its structure. TypeScript keeps the types of two copies of TypeBox apart, such as
 * those of its ESM and its CommonJS build, or of two versions.
 */
export interface TypeBoxSchema {
  readonly static: unknown
  readonly params: readonly unknown[]
}

/** An object schema, of whichever copy. */
export interface TypeBoxObject extends TypeBoxSchema {
  readonly type: 'object'
  readonly properties: object
}
