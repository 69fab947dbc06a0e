import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { examplesOf } from '../../asyncapi/schema/checked-examples.ts'
import { closeSchema } from '../../contract/schema/close-schema.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { pageSchema } from './page-schema.ts'

/** The schemas of a script that is being written: each with its check as code. */
export class CheckedSchemas {
  readonly #indexes = new Map<TypeBoxSchema, number>()
  readonly #entries: string[] = []

  /** The code of an array with all schemas. */
  get code (): string {
    return `[\n${this.#entries.join(',\n')}\n]`
  }

  /**
   * Adds a schema of a contract, closed as the server checks it. Returns its index.
   * @param example by default one that is made up
   */
  add (schema: TypeBoxSchema, path: string, example?: object): number {
    return this.#indexes.get(schema) ??
      this.#enter(schema, closeSchema(schema, path), example ?? examplesOf(schema, path)[0])
  }

  /** Adds a schema of the protocol, which is open. Returns its index. */
  addOpen (schema: TSchema): number {
    return this.#indexes.get(schema) ?? this.#enter(schema, schema)
  }

  #enter (original: TypeBoxSchema, schema: TSchema, example?: unknown): number {
    const index = this.#entries.length
    this.#indexes.set(original, index)
    this.#entries.push(`{ check: (() => {\n${TypeCompiler.Code(schema)}\n})(), ` +
      `schema: ${dataCode(pageSchema(schema))}, example: ${example === undefined ? 'undefined' : dataCode(example)} }`)
    return index
  }
}

/** A value as code. A text that is parsed has no members with a meaning of their own, such as `__proto__`. */
export function dataCode (value: unknown): string {
  return `JSON.parse(${JSON.stringify(JSON.stringify(value))})`
}
