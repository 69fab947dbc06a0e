import { TypeCompiler, type ValueError } from '@sinclair/typebox/compiler'
import { joinPayload } from '../../contract/wire/wire-schemas.ts'
import { refusal } from '../../protocol/errors.ts'
import type { Position } from '../../protocol/position.ts'

/** Whether the payload of a join asks for the history again. */
export function asksAgain (payload: unknown): boolean {
  return (Object(payload) as { readonly again?: unknown }).again === true
}

const check = TypeCompiler.Compile(joinPayload)

/** The position in the payload of a join. @throws {MessageError} `invalid_payload` */
export function positionIn (payload: unknown): Position | undefined {
  if (payload === undefined || payload === null) return undefined
  // Twenty times as fast as to ask for the errors.
  if (check.Check(payload)) return payload.since
  const { path, message } = check.Errors(payload).First() as ValueError
  throw refusal('invalid_payload', { path, message })
}
