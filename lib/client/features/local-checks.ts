import type { Welcome } from '../../protocol/control-messages.ts'
import type { ClientFeature } from '../feature.ts'

/**
 * Half of a surrogate pair that stands alone: the flag `u` reads whole pairs as one character. Not `\p{Cs}`, which the
 * engine of React Native 0.72 does not compile.
 */
const loneSurrogate = /[\ud800-\udfff]/u

/**
 * Refuses on the spot what the server would refuse or could not read: a message that is too large
 * (`payload_too_large`), a channel that the route does not have (`unknown_channel`), and a payload that JSON cannot
 * carry (`invalid_payload`).
 */
export const localChecks: ClientFeature = ({ requests: { steps } }) => {
  /** @throws {RequestError} for what JSON cannot carry, where `JSON.stringify` fails or writes something else. */
  steps.encode = (message) => {
    try {
      return JSON.stringify(message, requireJson)
    } catch (cause) {
      throw steps.failure(message, {
        code: 'invalid_payload', message: 'JSON cannot carry the payload', cause: cause as Error
      })
    }
  }
  steps.refusalOf = ({ message, encoded }, { welcome }) => {
    const { type, channel = '' } = message
    const { limits: { messageBytes }, patterns } = welcome as Welcome
    if (isTooLarge(encoded, messageBytes)) {
      return steps.failure(message, { code: 'payload_too_large', message: `the server takes ${messageBytes} bytes` })
    }
    // An older server names no patterns.
    const isUnknown = type === 'join' && patterns?.some((pattern) => matches(pattern, channel)) === false
    return isUnknown ? steps.failure(message, { code: 'unknown_channel' }) : undefined
  }
}

/**
 * Refuses what JSON cannot carry: a bigint, a function, a symbol, NaN, undefined in a list, half of a surrogate pair. A
 * member that is undefined is left out, as JSON has no such value.
 */
function requireJson (this: unknown, name: string, value: unknown): unknown {
  const type = typeof value
  if (
    ['bigint', 'function', 'symbol'].includes(type) || (type === 'number' && !Number.isFinite(value)) ||
    (value === undefined && Array.isArray(this)) || loneSurrogate.test(`${name} ${type === 'string' ? value : ''}`)
  ) throw new TypeError(`the ${type} in '${name}'`)
  return value
}

/** Whether the server takes no message of this length. A text has at most three bytes for each UTF-16 code unit. */
function isTooLarge (encoded: string, messageBytes: number): boolean {
  return encoded.length * 3 > messageBytes && new TextEncoder().encode(encoded).length > messageBytes
}

/** Whether a pattern such as `chat/:room` has this address. */
export function matches (pattern: string, address: string): boolean {
  const segments = pattern.split('/')
  const parts = address.split('/')
  return parts.length === segments.length && segments.every((s, i) => s[0] === ':' ? parts[i] : parts[i] === s)
}
