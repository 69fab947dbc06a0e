import { isWellFormed, maxChannelLength } from '../protocol/envelope.ts'
import { UsageError } from '../protocol/errors.ts'

/** The names of a pattern with their values in one address. */
export type Params = Readonly<Record<string, string>>

/** A parsed pattern. Its segments are literals, or names that match any one segment. */
export interface Pattern {
  readonly text: string
  readonly names: readonly string[]
  readonly segments: readonly Segment[]
}

type Segment = { readonly literal: string } | { readonly name: string }

/**
 * The address of a channel: `('chat/:room', { room: 'lobby' })` to `'chat/lobby'`.
 * @throws {UsageError} when a param is missing or empty, or contains a slash and so would name another channel.
 */
export function addressOf (pattern: string, params: Params = {}): string {
  return pattern.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name]
    if (typeof value === 'string' && /^[^/]+$/.test(value)) return value
    throw new UsageError(`invalid param '${name}' in pattern '${pattern}': pass a non-empty string without a slash`)
  })
}

/** The rule that a pattern breaks, or undefined when it is valid. */
export function patternRule (text: string): string | undefined {
  const names = parsePattern(text).names
  if (text.length > maxChannelLength) return `use at most ${maxChannelLength} characters`
  if (!isWellFormed(text)) return 'use well-formed text'
  if (new Set(names).size < names.length) return 'give each segment its own name'
  if (!text.split('/').every((segment) => /^(:[A-Za-z_]\w*|[^:*\s/]+)$/.test(segment))) {
    return 'use segments between single slashes, each a literal or a :name'
  }
}

export function parsePattern (text: string): Pattern {
  const segments = text.split('/').map((s): Segment => s.startsWith(':') ? { name: s.slice(1) } : { literal: s })
  const names = segments.flatMap((s) => 'name' in s ? [s.name] : [])
  return { text, names, segments }
}

/** The params of an address, or undefined when it does not match. A param is never empty and never holds a slash. */
export function matchPattern ({ segments }: Pattern, address: string): Params | undefined {
  const parts = address.split('/')
  if (parts.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, segment] of segments.entries()) {
    const part = parts[i] as string
    if ('name' in segment ? part === '' : part !== segment.literal) return undefined
    if ('name' in segment) params[segment.name] = part
  }
  return params
}

/** Whether at least one address matches both patterns. */
export function overlap (a: Pattern, b: Pattern): boolean {
  return a.segments.length === b.segments.length && a.segments.every((s, i) => {
    const other = b.segments[i] as Segment
    return 'name' in s || 'name' in other || s.literal === other.literal
  })
}

/** Compile-time names of a pattern: `'chat/:room'` to `'room'`. */
export type PatternNames<P extends string> =
  P extends `${infer H}/${infer T}` ? PatternNames<H> | PatternNames<T>
    : P extends `:${infer N}` ? N : never

/** The names that the params schema has. */
export type ParamNames<D> =
  D extends { readonly params: { readonly properties: infer P } } ? keyof P & string : never

type StringParams<D> = D extends { readonly params: { readonly static: infer P } }
  ? P extends Readonly<Record<string, string>> ? unknown : { readonly params: 'every name of a pattern is a string' }
  : unknown

/** The rule that pattern and params schema have the same names. */
export type ParamsRule<D, Names extends string, Given extends string> =
  [Exclude<Names, Given>] extends [never]
    ? [Exclude<Given, Names>] extends [never]
        ? StringParams<D>
        : { readonly params: `'${Exclude<Given, Names>}' is not a name in the pattern` }
    : { readonly params: `the schema lacks '${Exclude<Names, Given>}', which the pattern names` }
