import type { CompiledChannel } from '../contract/compile.ts'
import { frame, type Frame, type WhenSlow } from '../protocol/frame.ts'

/** A frame, and what becomes of it where it cannot be written at once. */
export interface Encoded {
  readonly frame: Frame
  readonly whenSlow: WhenSlow
  /** Whether it goes through the channel's log. */
  readonly logged: boolean
}

/** Projects, checks and encodes a message of the server's. @throws {OutgoingError | TypeError} */
export function encode ({ fromServer }: CompiledChannel, channel: string | undefined, type: string, payload: unknown): Encoded {
  const message = fromServer.get(type)
  if (!message) throw new TypeError(`the contract declares no message '${type}' from the server`)
  const projected = message.payload(payload)
  return { frame: frame({ type, channel, payload: projected }), whenSlow: message.whenSlow(projected), logged: message.logged }
}
