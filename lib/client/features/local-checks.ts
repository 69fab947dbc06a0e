import type { Welcome } from '../../protocol/control-messages.ts'
import type { ClientFeature } from '../feature.ts'
import { failure } from '../request-error.ts'
import { encodeMessage } from './encode-message.ts'

/**
 * Refuses on the spot what the server would refuse or could not read: a message that is too large
 * (`payload_too_large`), a channel that the route does not have (`unknown_channel`), and a payload that JSON cannot
 * carry (`invalid_payload`).
 */
export const localChecks: ClientFeature = ({ requests: { steps } }) => {
  steps.encode = encodeMessage
  steps.refusalOf = ({ message, encoded }, { welcome }) => {
    const { type, channel = '' } = message
    const { limits: { messageBytes }, patterns } = welcome as Welcome
    if (isTooLarge(encoded, messageBytes)) {
      return failure(message, 'payload_too_large', `the server takes ${messageBytes} bytes`)
    }
    // An older server names no patterns.
    const isUnknown = type === 'join' && patterns?.some((pattern) => matches(pattern, channel)) === false
    return isUnknown ? failure(message, 'unknown_channel') : undefined
  }
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
