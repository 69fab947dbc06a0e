import { Type, type TSchema } from '@sinclair/typebox'
import { addressOf, type Params, type Pattern } from '../contract/pattern.ts'
import { maxChannelLength } from '../protocol/envelope.ts'
import type { ComponentSchemas } from './schema/component-schemas.ts'
import { isObject, type JsonSchema } from './schema/json-schema.ts'

/** An address of AsyncAPI: `chat/{room}`. Null where it cannot be said, because AsyncAPI has no escape for a brace. */
export function channelAddress ({ segments }: Pattern): string | null {
  if (segments.some((segment) => 'literal' in segment && /[{}]/.test(segment.literal))) return null
  return segments.map((segment) => 'name' in segment ? `{${segment.name}}` : segment.literal).join('/')
}

/** The address of a route of Fastify: `/:tenant/ws` is `/{tenant}/ws`, and `*` is `{wildcard}`. */
export function routeAddress (url: string): { readonly address: string | null, readonly names: readonly string[] } {
  if (/[{}]/.test(url.replaceAll(/\((?:[^()]|\([^()]*\))*\)/g, ''))) return { address: null, names: [] }
  const names: string[] = []
  const address = url.replaceAll(/::|:(\w+)(?:\((?:[^()]|\([^()]*\))*\))?\??|\*/g, (found, name?: string) => {
    if (found === '::') return ':'
    names.push(name ?? 'wildcard')
    return `{${name ?? 'wildcard'}}`
  })
  return { address, names }
}

/** The `channel` of envelopes: one address, or those of a pattern. */
export function addressSchema ({ text, names, segments }: Pattern): TSchema {
  if (names.length === 0) return Type.Literal(text)
  const parts = segments.map((segment) => 'name' in segment ? '[^/]+' : escaped(segment.literal))
  return Type.String({ pattern: `^${parts.join('/')}$`, maxLength: maxChannelLength })
}

const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** An address for examples. A param stands for itself where no value for it can be made up. */
export function exampleAddress ({ text, names }: Pattern, examples: readonly unknown[]): string {
  const byName = Object.fromEntries(names.map((name) => [name, name]))
  try {
    return addressOf(text, { ...byName, ...examples[0] as Params })
  } catch {
    return addressOf(text, byName)
  }
}

function paramSchema ({ properties }: JsonSchema, name: string): JsonSchema {
  const schema = isObject(properties) ? properties[name] : undefined
  return isObject(schema) ? schema : {}
}

/**
 * The parameters of an address. AsyncAPI knows only a description, examples and the allowed values of a parameter, so
 * `x-schema` has its whole schema.
 */
export function parametersOf (
  names: readonly string[], params: JsonSchema, schemas: ComponentSchemas
): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(names.map((name) => {
    const schema = paramSchema(params, name)
    const resolved = schemas.resolve(schema)
    const { description, examples, default: byDefault } = resolved
    const values = allowedValues(resolved)
    return [name, {
      ...(description !== undefined && { description }),
      ...(values && { enum: values }),
      ...(byDefault !== undefined && { default: byDefault }),
      ...(examples !== undefined && { examples }),
      'x-schema': schema
    }]
  }))
}

function allowedValues (schema: JsonSchema): readonly string[] | undefined {
  const members = Array.isArray(schema.anyOf) ? schema.anyOf as JsonSchema[] : [schema]
  const values = members.flatMap((member) => Array.isArray(member.enum) ? member.enum as unknown[] : [member.const])
  return values.every((value) => typeof value === 'string') ? values : undefined
}
