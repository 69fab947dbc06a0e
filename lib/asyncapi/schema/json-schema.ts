/** A JSON Schema (draft 7) as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The schema of a component of a document. */
export const componentPointer = '#/components/schemas/'

export function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Copies a value as JSON has it: without symbols, functions and members that are undefined. */
export function plainJson<T> (value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
