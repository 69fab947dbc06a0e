import { ContractError } from './contract-error.ts'
import { suggestion } from './suggestion.ts'

/** @throws {ContractError} */
export function requireObject<T extends object> (value: T, spot: string): T {
  if (typeof value !== 'object' || value === null) throw new ContractError(spot, 'must be an object')
  return value
}

/** @throws {ContractError} */
export function requireKnownKeys (value: object, known: readonly string[], spot: string): void {
  const unknown = Object.keys(requireObject(value, spot)).find((key) => !known.includes(key))
  if (unknown) throw new ContractError(spot, `has the unknown option '${unknown}'${suggestion(unknown, known)}`)
}

/** @throws {ContractError} */
export function requireCount (value: unknown, spot: string): void {
  if (!Number.isSafeInteger(value) || value as number < 1) throw new ContractError(spot, 'must be a whole number from 1')
}
