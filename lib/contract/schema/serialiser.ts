import { Kind } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { isPlainText } from '../../protocol/encoding.ts'
import type { SchemaNode } from './schema-node.ts'

/** The JSON of a value; undefined for a value that has to be projected, or is not valid. */
export type Serialiser = (value: unknown) => string | undefined

/**
 * Compiles the JSON of the declared properties, for closed objects of texts, numbers and booleans. Undefined for other
 * schemas. It replaces a copy of the value, a search for what is not well-formed, and `JSON.stringify`: a reply of five
 * properties takes 0.6 of the time. Each property is read once, so what is written has been checked, whatever a getter
 * returns next.
 */
export function compileSerialiser (closed: SchemaNode): Serialiser | undefined {
  return closed[Kind] === 'Object' ? objectWriter(closed) : undefined
}

function writerOf (node: SchemaNode): Serialiser | undefined {
  switch (node[Kind]) {
    case 'String': return checked(node, writeText)
    case 'Number': case 'Integer': return checked(node, writeNumber)
    case 'Boolean': return checked(node, String)
    case 'Object': return objectWriter(node)
    default: return undefined
  }
}

function checked (node: SchemaNode, write: (value: never) => string | undefined): Serialiser {
  const check = TypeCompiler.Compile(node)
  return (value) => check.Check(value) ? write(value as never) : undefined
}

function writeText (text: string): string | undefined {
  return isPlainText(text) ? `"${text}"` : undefined
}

/** TypeBox may be told to accept `NaN`. */
const writeNumber = (number: number) => Number.isFinite(number) ? String(number) : undefined

/** Such a limit also counts properties that are not declared, and those are not written. */
const countsProperties = (node: SchemaNode) => 'minProperties' in node || 'maxProperties' in node

interface MemberWriter {
  readonly name: string
  /** The name as JSON, with its colon. */
  readonly head: string
  readonly isRequired: boolean
  readonly write: Serialiser
}

function objectWriter (node: SchemaNode): Serialiser | undefined {
  if (node.additionalProperties !== false || countsProperties(node)) return undefined
  const members: MemberWriter[] = []
  const required = node.required as readonly string[] | undefined ?? []
  for (const [name, schema] of Object.entries(node.properties as Record<string, SchemaNode>)) {
    const write = writerOf(schema)
    if (!write) return undefined
    members.push({ name, head: `${JSON.stringify(name)}:`, isRequired: required.includes(name), write })
  }
  return (value) => isObject(value) ? writeMembers(value, members) : undefined
}

/** TypeBox may be told to accept lists. */
function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function writeMembers (value: Record<string, unknown>, members: readonly MemberWriter[]): string | undefined {
  let json = ''
  for (const { name, head, isRequired, write } of members) {
    const member = value[name]
    if (member === undefined && !isRequired) continue
    const written = write(member)
    if (written === undefined) return undefined
    json += `${json === '' ? '{' : ','}${head}${written}`
  }
  return json === '' ? '{}' : `${json}}`
}
