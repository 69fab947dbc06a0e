import { ContractError } from '../../contract/contract-errors.ts'
import { suggestion } from '../../contract/option-checks.ts'
import { refusal } from '../../protocol/errors.ts'
import type { ErasedImplementation } from '../implement.ts'

type Handle = ErasedImplementation['on'][string]
type PreHandler = (ctx: unknown, message: unknown) => unknown

/**
 * The handler of one type, after the pre-handlers of its channel and of its type.
 *
 * @throws {ContractError} for a pre-handler that is no function
 */
export function afterPreHandlers (
  { preHandler, preHandlers }: ErasedImplementation, type: string, handle: Handle, path: string
): Handle {
  const ofChannel = listOf(preHandler, `${path}, preHandler`)
  const ofType = listOf(Object(preHandlers)[type] as unknown, `${path}, preHandlers '${type}'`)
  if (ofChannel.length + ofType.length === 0) return handle
  return async (ctx, payload) => {
    for (const run of ofChannel) requirePassed(await run(ctx, { type, payload }))
    for (const run of ofType) requirePassed(await run(ctx, payload))
    return handle(ctx, payload)
  }
}

/** @throws {ContractError} for pre-handlers of a type that the contract does not declare */
export function checkPreHandlers (
  { preHandlers }: ErasedImplementation, types: readonly string[], path: string
): void {
  const unknown = Object.keys(preHandlers ?? {}).find((type) => !types.includes(type))
  if (unknown === undefined) return
  throw new ContractError(path, `unknown pre-handler '${unknown}'`, suggestion(unknown, types))
}

function listOf (given: unknown, path: string): PreHandler[] {
  const list = given === undefined ? [] : [given].flat()
  if (list.every((one) => typeof one === 'function')) return list as PreHandler[]
  throw new ContractError(path, 'a pre-handler that is no function', 'pass a function, or an array of functions')
}

/** @throws {MessageError} `forbidden` */
function requirePassed (result: unknown): void {
  if (result === false) throw refusal('forbidden')
}
