import { Kind } from '@sinclair/typebox'
import { isSafePattern } from 'redos-detector'
import { childrenOf, type SchemaNode } from './schema-node.ts'

/** A pattern in a contract that can take very long to refuse a text. */
export interface SlowPattern {
  readonly pattern: string
  /** The field, such as `channel 'chat/:room', fromClient 'say', payload/text`. */
  readonly path: string
}

/** The patterns prone to backtracking in the schemas of a definition, each with its field. */
export function slowPatterns (definition: object, path: string): SlowPattern[] {
  return schemasIn(definition, path).flatMap(([schema, path]) => patternsIn(schema, path))
    .filter(({ pattern }) => isProne(pattern))
}

/** Also called for parts of a definition that are no objects, such as the pattern of the channel. */
function schemasIn (part: unknown, path: string, isName = false): Array<readonly [SchemaNode, string]> {
  if (typeof part !== 'object' || part === null) return []
  if (Kind in part) return [[part as SchemaNode, path]]
  return Object.entries(part).flatMap(([key, inner]) =>
    schemasIn(inner, isName ? `${path} '${key}'` : `${path}, ${key}`, messageMaps.includes(key)))
}

/** The members of a definition whose members are named by the application. */
const messageMaps = ['fromClient', 'fromServer', 'errors']

function patternsIn (node: SchemaNode, path: string): SlowPattern[] {
  const own: unknown[] = [node.pattern, node[Kind] === 'RegExp' && node.source]
  const keys = Object.keys(node.patternProperties ?? {})
  return [
    ...[...own, ...keys].flatMap((pattern) => typeof pattern === 'string' ? [{ pattern, path }] : []),
    ...childrenOf(node).flatMap(([key, child]) => patternsIn(child, `${path}/${key}`))
  ]
}

/** A pattern without groups, and without repetitions or with one after `^`: it never goes back far. */
const plain = (() => {
  const one = String.raw`(?:\[(?:[^\\\]]|\\.)*\]|\\[^\dk]|[^\\()[\]{}*+?|^$])(?:\{\d+\})?`
  return new RegExp(String.raw`^\^?(?:${one})*\$?$|^\^(?:${one})+(?:[*+?]|\{\d+,\d*\})(?:${one})*\$?$`, 's')
})()

/** Steps of the search, of about 0.1 ms each. A pattern that needs more is taken for a slow one. */
const maxSteps = 1_000

const verdicts = new Map<string, boolean>()

function isProne (pattern: string): boolean {
  if (plain.test(pattern)) return false
  const known = verdicts.get(pattern)
  if (known !== undefined) return known
  const verdict = !isSafePattern(pattern, { maxSteps }).safe
  verdicts.set(pattern, verdict)
  return verdict
}
