import { maxChannelLength } from '../protocol/envelope.ts'
import type { Params } from './address.ts'

export { addressOf, type Params } from './address.ts'

/** A channel pattern taken apart: literal segments, and `:name` for any one segment. */
export interface Pattern {
  readonly text: string
  readonly names: readonly string[]
  readonly segments: readonly Segment[]
}

type Segment = { readonly literal: string } | { readonly name: string }

/** Why a pattern is refused, or undefined when it is sound. */
export function patternIssue (text: string): string | undefined {
  const names = parsePattern(text).names
  if (text.length > maxChannelLength) return `is longer than ${maxChannelLength} characters`
  if (new Set(names).size < names.length) return 'names a segment twice'
  if (!text.split('/').every((segment) => /^(:[A-Za-z_]\w*|[^:*\s/]+)$/.test(segment))) {
    return 'must be segments between single slashes, each a literal or a :name'
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

/** Whether some address matches both. */
export function overlap (a: Pattern, b: Pattern): boolean {
  return a.segments.length === b.segments.length && a.segments.every((s, i) => {
    const other = b.segments[i] as Segment
    return 'name' in s || 'name' in other || s.literal === other.literal
  })
}
