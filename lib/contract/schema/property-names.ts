import { Kind } from '@sinclair/typebox'
import { isWellFormed } from '../../protocol/envelope.ts'
import { ContractError } from '../contract-errors.ts'
import { childrenOf, type SchemaNode } from './schema-node.ts'

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
