import type { Connection } from '../transport/connection.ts'
import type { Call } from './call.ts'

/** Where a message is sent: on `connection`, or on the open one where there is none. */
export interface Route {
  readonly connection: Connection | undefined
}

/** The channel of an idempotent message decides when the message is sent, and sent again. */
export interface IdempotentChannel extends Route {
  /** Whether the channel is joined and has not failed for now. */
  readonly canSend: boolean
  readonly hasEnded: boolean
  /** A message failed for now. `afterMs`: the wait that the server asks for. */
  delay (afterMs: number | undefined): void
  /** A message was answered. */
  answered (): void
}

/** A message of a call until it is answered. */
export interface Outgoing {
  readonly id: string
  readonly call: Call
  readonly encoded: string
  /** Set for an idempotent message, which is sent under one id until it is answered, over any number of connections. */
  readonly channel: IdempotentChannel | undefined
  readonly route: Route
  /** The connection on which it was sent and its reply is awaited. */
  sentOn: Connection | undefined
  /** The message was sent at least once, so its effect is unknown until a reply arrives. */
  wasSent: boolean
  /** The client delayed or repeated the message, so a rate limit is the client's to handle, not the caller's. */
  wasDelayed: boolean
}

/** After these failures a further try may succeed, and the effect of the message is unknown. */
const temporaryCodes = ['in_flight', 'timeout', 'unavailable']

/** Whether an idempotent message is sent again after this failure. */
export function isRepeated ({ channel, wasDelayed }: Outgoing, code: string): boolean {
  return channel?.hasEnded === false && (temporaryCodes.includes(code) || (wasDelayed && code === 'rate_limited'))
}

/**
 * 128 random bits. `crypto.randomUUID` does not exist in a page that was loaded without TLS. React Native has no
 * `crypto`, and its `Math.random` has a state of 31 bits, so the time is mixed in there.
 */
export function randomId (): string {
  const empty = new Uint32Array(4)
  const words = globalThis.crypto?.getRandomValues(empty) ?? empty.map(() => Math.random() * 2 ** 32 ^ Date.now())
  return Array.from(words, (word) => word.toString(36)).join('-')
}
