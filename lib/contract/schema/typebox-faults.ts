import { Kind, TypeRegistry } from '@sinclair/typebox'
import { isWellFormed } from '../../protocol/envelope.ts'
import { ContractError } from '../contract-errors.ts'
import { childrenOf, mapChildren, type SchemaNode } from './schema-node.ts'

/** The rule that a property name breaks, with the advice. TypeBox checks such a property wrongly, or not at all. */
type Rule = readonly [isBroken: (name: string) => boolean, issue: string, advice: string]

const rules: readonly Rule[] = [
  [(name) => name in Object.prototype, 'a property that every JavaScript object has', 'choose another name'],
  [(name) => /\p{Cc}/u.test(name), 'a property name with a control character', 'choose another name'],
  [(name) => !isWellFormed(name), 'a property name with half of a surrogate pair', 'use well-formed text']
]

/** The checks of closed intersections put the names of properties into a regular expression as they are. */
const inIntersection: Rule = [
  (name) => /[\\^$.*+?()[\]{}|]/.test(name),
  'a property name with a sign of regular expressions within an intersection',
  'choose another name, or declare the properties in one object'
]

/** @throws {ContractError} for a property of `node` whose name TypeBox mis-reads. */
export function refuseUnreadableNames (node: SchemaNode, path: string): void {
  for (const rule of rules) refuseNames(node, path, rule)
}

/** @throws {ContractError} for a property whose name TypeBox mis-reads in a closed intersection of `members`. */
export function refuseUnreadableMembers (members: readonly SchemaNode[], path: string): void {
  for (const member of members) {
    refuseNames(member, path, inIntersection)
    if (member[Kind] === 'Intersect') refuseUnreadableMembers(member.allOf as readonly SchemaNode[], path)
  }
}

function refuseNames ({ properties = {} }: SchemaNode, path: string, [isBroken, issue, advice]: Rule): void {
  const name = Object.getOwnPropertyNames(properties).find(isBroken)
  if (name !== undefined) throw new ContractError(`${path}/${JSON.stringify(name).slice(1, -1)}`, issue, advice)
}

/**
 * TypeBox checks all schemas of one `$id` as the first of them, so a value of another one was accepted unchecked.
 *
 * @throws {ContractError} for two closed schemas that differ and have one `$id`
 */
export function refuseSharedIds (node: SchemaNode, path: string, known = new Map<string, string>()): void {
  const { $id } = node
  if ($id !== undefined) {
    const meaning = meaningOf(node)
    if ((known.get($id) ?? meaning) !== meaning) {
      throw new ContractError(path, `another schema with the $id '${$id}'`, 'give each an $id of its own, or none')
    }
    known.set($id, meaning)
  }
  for (const [key, child] of childrenOf(node)) refuseSharedIds(child, `${path}/${key}`, known)
}

/** What a schema checks, whatever a use of it is annotated with. */
function meaningOf ({ title, description, default: _default, examples, ...rest }: SchemaNode): string {
  return JSON.stringify(rest)
}

const uniqueKind = 'fastify-channels: unique items'
const uniqueItems = { [Kind]: uniqueKind } as unknown as SchemaNode

TypeRegistry.Set(uniqueKind, (_schema, value) => !Array.isArray(value) || areUnique(value))

/**
 * A copy of a closed schema whose lists with `uniqueItems` are checked here. TypeBox hashes each byte of each item as a
 * bigint: a list of 64 KB took 70 ms, so one client could keep a process busy.
 */
export function withFastUnique (node: SchemaNode): SchemaNode {
  const copy = mapChildren(node, withFastUnique)
  if (node[Kind] !== 'Array' || node.uniqueItems !== true) return copy
  const { $id, uniqueItems: _unique, ...list } = copy
  return { ...($id !== undefined && { $id }), [Kind]: 'Intersect', allOf: [list, uniqueItems] } as unknown as SchemaNode
}

/** What the first issue says of such a list. */
export function withUniqueMessage (message: string): string {
  return message.includes(uniqueKind) ? 'Expected array elements to be unique' : message
}

function areUnique (items: readonly unknown[]): boolean {
  const known = new Set<unknown>()
  return items.every((item, i) => known.add(identityOf(item)).size > i)
}

/** The same for items of the same JSON, whatever the order of their members. */
function identityOf (item: unknown): unknown {
  if (typeof item === 'string') return `"${item}`
  return typeof item === 'object' && item !== null ? JSON.stringify(item, sorted) : item
}

function sorted (_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
}
