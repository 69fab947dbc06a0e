import type { CompiledChannel } from '../contract/compile.ts'
import { encodeEnvelope, type EncodedMessage } from '../protocol/encoding.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'

/** A frame, and what becomes of it where it cannot be written at once. */
export interface Encoded {
  readonly frame: EncodedMessage
  readonly whenSlow: WhenSlow
  /** Whether it goes through the channel's log. */
  readonly persistent: boolean
}

/** Projects, checks and encodes a message of the server's. @throws {OutgoingError | TypeError} */
export function encode ({ fromServer }: CompiledChannel, channel: string | undefined, type: string, payload: unknown): Encoded {
  const message = fromServer.get(type)
  if (!message) throw new TypeError(`the contract declares no message '${type}' from the server`)
  const projected = message.payload(payload)
  return { frame: encodeEnvelope({ type, channel, payload: projected }), whenSlow: message.whenSlow(projected), persistent: message.persistent }
}
