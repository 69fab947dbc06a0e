import { isWellFormed } from '../protocol/envelope.ts'
import { ContractError } from './contract-errors.ts'

/** The largest number of edits at which a name still counts as a misspelling of another one. */
const maxEdits = 2

/** `shape`: what to pass. @throws {ContractError} unless the value is an object. */
export function requireObject<T extends object> (value: T, path: string, shape = 'an object, such as {}'): T {
  if (typeof value === 'object' && value !== null) return value
  throw new ContractError(path, 'invalid value', `pass ${shape}`)
}

/** `shape`: what to pass. @throws {ContractError} for what is no object, or a key that is not one of `known`. */
export function requireKnownKeys (value: object, known: readonly string[], path: string, shape?: string): void {
  const unknown = Object.keys(requireObject(value, path, shape)).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new ContractError(path, `unknown option '${unknown}'`, suggestion(unknown, known))
}

/** @throws {ContractError} unless the value is a whole number from 1. */
export function requireCount (value: unknown, name: string, path: string): void {
  if (Number.isSafeInteger(value) && value as number >= 1) return
  throw new ContractError(path, `invalid '${name}'`, 'pass a whole number from 1')
}

/** @throws {ContractError} unless the value is true or left out. */
export function requireFlag (value: unknown, name: string, path: string): boolean {
  if (value === undefined || value === true) return value === true
  throw new ContractError(path, `invalid '${name}'`, 'pass true, or leave it out')
}

/** What a namespace may be, in words. */
export const namespaceRule = "1 to 40 letters, digits, '-', '_' or '.'"

export function isNamespace (value: unknown): boolean {
  return typeof value === 'string' && /^[\w.-]{1,40}$/.test(value)
}

/** @throws {ContractError} unless the value is a namespace, or left out. */
export function requireNamespace (value: unknown, path: string): void {
  if (value === undefined || isNamespace(value)) return
  throw new ContractError(path, "invalid 'namespace'", `pass ${namespaceRule}`)
}

/** @throws {ContractError} for text with half of a surrogate pair. */
export function requireWellFormed (text: string, what: string, path: string): void {
  if (isWellFormed(text)) return
  throw new ContractError(path, `${what} with half of a surrogate pair`, 'use well-formed text')
}

/**
 * `did you mean 'history'?` for a name close to one of `known`, else a list of `known`. Letter case is ignored.
 * `prefix` stands before each name in the text, such as the dashes of an option.
 */
export function suggestion (name: string, known: readonly string[], prefix = ''): string {
  const closest = closestName(name, known)
  if (closest !== undefined) return `did you mean '${prefix}${closest}'?`
  return known.length > 0 ? `use one of ${known.map((other) => `'${prefix}${other}'`).join(', ')}` : 'remove it'
}

function closestName (name: string, known: readonly string[]): string | undefined {
  const [closest] = known
    .map((other) => ({ other, edits: editDistance(name.toLowerCase(), other.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const isClose = closest !== undefined && closest.edits <= maxEdits && closest.edits < closest.other.length
  return isClose ? closest.other : undefined
}

/** The number of letters to insert, remove or replace (Levenshtein). */
function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + Number(letter !== b[j])
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
