import type { Envelope } from '../../protocol/envelope.ts'
import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import type { SentSnapshot } from '../../protocol/history.ts'
import { listOf, numberOf, propertyOf, textOf } from '../transport/read-envelope.ts'

/**
 * The newest position of the history, from the ack of a join or from a `resync`. Undefined when the channel has no
 * history or the server could not read it.
 */
export function positionOf (recovery: unknown): Position | undefined {
  const epoch = textOf(recovery, 'epoch')
  const point = pointOf(recovery)
  return epoch === undefined || point === undefined ? undefined : { epoch, ...point }
}

export function snapshotOf (recovery: unknown): SentSnapshot | undefined {
  const snapshot = propertyOf(recovery, 'snapshot')
  const point = pointOf(snapshot)
  return point && { ...point, state: propertyOf(snapshot, 'state') }
}

export function messagesOf (recovery: unknown): Envelope[] {
  const messages = listOf(recovery, 'messages')
  return messages.filter((message): message is Envelope => textOf(message, 'type') !== undefined)
}

/** The position of the first message in a recovery. */
export function firstEntryOf (recovery: unknown): EntryPosition | undefined {
  return entryOf(listOf(recovery, 'messages')[0])
}

/** The position of a persistent message in its channel's history; undefined for an ephemeral message. */
export function entryOf (envelope: unknown): EntryPosition | undefined {
  const point = pointOf(envelope)
  const id = textOf(envelope, 'id')
  const prev = textOf(envelope, 'prev')
  return point === undefined || id === undefined || prev === undefined ? undefined : { ...point, id, prev }
}

function pointOf (value: unknown): { offset: number, hash: string } | undefined {
  const offset = numberOf(value, 'offset')
  const hash = textOf(value, 'hash')
  return offset === undefined || hash === undefined ? undefined : { offset, hash }
}
