import type { RequestError } from '../request-error.ts'
import type { Ack, Received } from './history-position.ts'

/** What a handle of the channel takes, in the order of the server's messages. */
export interface Handle {
  /** Whether the handle has its state, and takes all that follows. */
  readonly isStarted: boolean
  /** The channel is joined; `ack` has the state. */
  start (ack?: Ack): void
  /** A message, or an event under the name of a control message, which no contract can declare. */
  take (type: string, ...args: [payload?: unknown, entry?: unknown]): void
  /** Delivers what the handle holds back. */
  flush (): void
  /** The membership ended, and not by `leave`. The last call. */
  ended (error: RequestError): void
}

/** Gives a message to each handle, a persistent one with its entry. */
export function deliver (message: Received, handles: readonly Handle[]): void {
  const { type, payload } = message
  const entry = 'hash' in message ? [{ offset: message.offset, id: message.id, hash: message.hash }] : []
  for (const handle of handles) handle.take(type, payload, ...entry)
}
