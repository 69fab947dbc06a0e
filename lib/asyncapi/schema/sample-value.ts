import { componentPointer, isObject, type JsonSchema } from './json-schema.ts'
import { sampleText } from './sample-text.ts'

type Components = Readonly<Record<string, JsonSchema>>

/** What a schema without a value gives. */
export const noSample = Symbol('no sample')

/** Values of common formats. */
const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-01-31T12:00:00Z',
  date: '2026-01-31',
  time: '12:00:00Z',
  email: 'ann@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '5f2c1a9e-6c1b-4d0e-9a53-2f7f0d1b8c44',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com'
}

/**
 * A value for an example: as the schema's own examples have it, else as small as the schema allows.
 * @param above the components that the value is within, because a recursive schema has no sample within itself
 */
export function sampleValue (schema: JsonSchema, components: Components, above: readonly string[] = []): unknown {
  const { $ref, examples, type, anyOf, allOf } = schema
  const within = (inner: unknown) => sampleValue(inner as JsonSchema, components, above)
  if (typeof $ref === 'string') {
    const name = $ref.slice(componentPointer.length)
    return above.includes(name) ? noSample : sampleValue(components[name] as JsonSchema, components, [...above, name])
  }
  if (Array.isArray(examples) && examples.length > 0) return examples[0]
  for (const keyword of ['const', 'default'] as const) if (schema[keyword] !== undefined) return schema[keyword]
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (Array.isArray(anyOf)) return [...anyOf.map(within).filter((value) => value !== noSample), noSample][0]
  if (Array.isArray(allOf)) return together(allOf.map(within))
  if (schema.not !== undefined) return noSample
  switch (type) {
    case 'string': return sampleString(schema)
    case 'number': case 'integer': return sampleNumber(schema)
    case 'boolean': return true
    case 'array': return sampleArray(schema, within)
    case 'object': return sampleObject(schema, within)
    default: return null
  }
}

function together (values: readonly unknown[]): unknown {
  return values.every(isObject) ? Object.assign({}, ...values) as unknown : values[0]
}

function sampleString ({ format, pattern, minLength = 0, maxLength = Infinity }: JsonSchema): unknown {
  if (typeof pattern === 'string') return sampleText(pattern) ?? noSample
  const text = formats[String(format)] ?? 'text'
  return text.padEnd(minLength as number, '.').slice(0, maxLength as number)
}

function sampleNumber (schema: JsonSchema): number {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf = 1 } = schema as Record<string, number>
  const step = multipleOf as number
  if (minimum !== undefined) return Math.ceil(minimum / step) * step
  if (exclusiveMinimum !== undefined) return (Math.floor(exclusiveMinimum / step) + 1) * step
  if (maximum !== undefined) return Math.min(0, Math.floor(maximum / step) * step)
  return exclusiveMaximum === undefined ? 0 : Math.min(0, (Math.ceil(exclusiveMaximum / step) - 1) * step)
}

type Within = (schema: unknown) => unknown

/** Without items where it may be empty, because a list of messages may repeat what is shown elsewhere. */
function sampleArray ({ items, minItems = 0 }: JsonSchema, within: Within): unknown {
  const schemas = Array.isArray(items) ? items : Array<unknown>(minItems as number).fill(items)
  const values = schemas.map(within)
  return values.includes(noSample) ? noSample : values
}

/** With all properties, apart from optional ones without a sample. */
function sampleObject ({ properties = {}, required = [] }: JsonSchema, within: Within): unknown {
  const values = Object.entries(properties as object).map(([name, schema]) => [name, within(schema)] as const)
  if (values.some(([name, value]) => value === noSample && (required as string[]).includes(name))) return noSample
  return Object.fromEntries(values.filter(([, value]) => value !== noSample))
}
