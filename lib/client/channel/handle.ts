import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { RequestError } from '../request-error.ts'

/** What a handle of the channel takes, in the order of the server's messages. */
export interface Handle {
  /** Whether the handle has its state, and takes all that follows. */
  readonly isStarted: boolean
  /** The channel is joined; `ack` has the state. */
  start (ack: unknown): void
  /** A message, or an event under the name of a control message, which no contract can declare. */
  take (type: string, ...args: [payload?: unknown, entry?: unknown]): void
  /** Delivers what the handle holds back. */
  flush (): void
  /** The membership ended, and not by `leave`. The last call. */
  ended (error: RequestError): void
}

/** Gives a message to each handle, a persistent one with its entry. */
export function deliver (envelope: Envelope, handles: readonly Handle[]): void {
  const { offset, id, hash } = envelope as Partial<EntryPosition>
  const entry = hash === undefined ? [] : [{ offset, id, hash }]
  for (const handle of handles) handle.take(envelope.type, envelope.payload, ...entry)
}
