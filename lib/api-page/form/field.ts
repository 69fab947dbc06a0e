import type { PageSchema } from '../contracts/page-schema.ts'

/** A part of a form that edits one value. Each change of the value is an event `input` that bubbles. */
export interface Field {
  readonly element: HTMLElement
  /**
   * The value. Undefined where it is absent.
   * @throws {SyntaxError} where a text that should be JSON is none
   */
  readonly value: unknown
}

/** Makes the field for a value of a schema. `label`: the name of the value, for people. */
export type MakeField = (schema: PageSchema, value: unknown, label: string) => Field

/** The value of a text. An empty text is no value. @throws {SyntaxError} */
export function parsed (text: string): unknown {
  return text.trim() === '' ? undefined : JSON.parse(text)
}

/** Values for new parts of a form, by the kind of their schema. */
const firstValues: Readonly<Record<string, (schema: PageSchema) => unknown>> = {
  Array: () => [],
  Boolean: () => false,
  Integer: ({ minimum = 0 }) => minimum,
  Literal: (schema) => schema.const,
  Number: ({ minimum = 0 }) => minimum,
  Object: ({ properties = {}, required = [] }) =>
    Object.fromEntries(required.map((name) => [name, firstValue(properties[name] as PageSchema)])),
  Record: () => ({}),
  RegExp: () => '',
  String: () => '',
  TemplateLiteral: () => '',
  Tuple: ({ items = [] }) => (items as readonly PageSchema[]).map(firstValue),
  Union: ({ anyOf = [] }) => firstValue(anyOf[0] as PageSchema)
}

/** A value to begin with. It may be invalid, such as an empty text. */
export function firstValue (schema: PageSchema): unknown {
  return firstValues[schema.kind]?.(schema) ?? null
}
