import type { Envelope } from '../../protocol/envelope.ts'
import { failure } from '../request-error.ts'

/**
 * Half of a surrogate pair that stands alone: the flag `u` reads whole pairs as one character. Not `\p{Cs}`, which the
 * engine of React Native 0.72 does not compile.
 */
const loneSurrogate = /[\ud800-\udfff]/u

/**
 * An envelope as JSON. A member that is undefined is left out, as JSON has no such value.
 * @throws {RequestError} `invalid_payload` for what JSON cannot carry, where `JSON.stringify` fails or writes something
 *   else: a bigint, a cycle, a function, a symbol, NaN, undefined in a list, half of a surrogate pair.
 */
export function encodeMessage (message: Envelope): string {
  try {
    return JSON.stringify(message, requireJson)
  } catch (cause) {
    throw failure(message, 'invalid_payload', 'JSON cannot carry the payload', cause as Error)
  }
}

function requireJson (this: unknown, name: string, value: unknown): unknown {
  const type = typeof value
  if (
    ['bigint', 'function', 'symbol'].includes(type) || (type === 'number' && !Number.isFinite(value)) ||
    (value === undefined && Array.isArray(this)) || loneSurrogate.test(`${name} ${type === 'string' ? value : ''}`)
  ) throw new TypeError(`the ${type} in '${name}'`)
  return value
}
