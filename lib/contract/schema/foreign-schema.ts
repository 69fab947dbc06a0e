import { Kind } from '@sinclair/typebox'
import { ContractError } from '../contract-errors.ts'

/** What other libraries leave in a schema, as far as it names them. */
interface ForeignSchema {
  /** TypeBox 1.x, which is the package `typebox`. */
  readonly '~kind'?: unknown
  /** https://standardschema.dev: zod, valibot, arktype, joi, yup and others in their present versions. */
  readonly '~standard'?: { readonly vendor?: unknown }
  /** zod before 3.24. */
  readonly _def?: { readonly typeName?: unknown }
  readonly isJoi?: unknown
  readonly __isYupSchema__?: unknown
}

/** @throws {ContractError} unless the value is a schema of `@sinclair/typebox`, whichever copy of it. */
export function requireTypeBox (value: unknown, path: string): void {
  if (typeof (Object(value) as { readonly [Kind]?: unknown })[Kind] === 'string') return
  refuseForeign(value, path)
  throw new ContractError(path, 'a value that is not a TypeBox schema', 'pass a schema of @sinclair/typebox')
}

/** @throws {ContractError} for a schema of another library. */
export function refuseForeign (value: unknown, path: string): void {
  const library = libraryOf(Object(value) as ForeignSchema)
  if (library === undefined) return
  throw new ContractError(path, `a schema of ${library}`,
    'make it with Type of @sinclair/typebox 0.34 (npm install @sinclair/typebox@0.34)')
}

function libraryOf (schema: ForeignSchema): string | undefined {
  if (typeof schema['~kind'] === 'string') return "the package 'typebox' (TypeBox 1.x)"
  const vendor = schema['~standard']?.vendor
  if (typeof vendor === 'string') return vendor
  if (/^Zod/.test(String(schema._def?.typeName))) return 'zod'
  if (schema.isJoi) return 'joi'
  return schema.__isYupSchema__ ? 'yup' : undefined
}
