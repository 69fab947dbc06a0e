import type { Envelope } from '../../protocol/envelope.ts'
import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import type { SentSnapshot } from '../../protocol/history.ts'
import { listOf, numberOf, textOf } from '../transport/read-envelope.ts'

/** `Resync` in typed-channel.ts documents the members. */
export interface ResyncEvent {
  readonly reason: string
  readonly snapshot?: SentSnapshot
  readonly position: Position
}

/**
 * The state in the ack of a join or in a `resync`. Undefined when the channel has no history or the server could not
 * read it.
 */
export function resyncIn (recovery: unknown): ResyncEvent | undefined {
  const epoch = textOf(recovery, 'epoch')
  const offset = numberOf(recovery, 'offset')
  const hash = textOf(recovery, 'hash')
  if (epoch === undefined || offset === undefined || hash === undefined) return undefined
  const { reason = 'fresh', snapshot } = recovery as Partial<ResyncEvent>
  return { reason, ...(snapshot?.hash !== undefined && { snapshot }), position: { epoch, offset, hash } }
}

export function messagesOf (recovery: unknown): Envelope[] {
  const messages = listOf(recovery, 'messages')
  return messages.filter((message): message is Envelope => textOf(message, 'type') !== undefined)
}

/** The position of a persistent message in its channel's history; undefined for an ephemeral message. */
export function entryOf (envelope: unknown): EntryPosition | undefined {
  const { offset, id, hash, prev } = Object(envelope) as EntryPosition
  return prev === undefined ? undefined : { offset, id, hash, prev }
}
