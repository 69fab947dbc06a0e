import type { Envelope } from '../../protocol/envelope.ts'
import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position, SentSnapshot } from '../../protocol/position.ts'
import { listOf, numberOf, propertyOf, textOf } from '../transport/read-envelope.ts'

/** The log's newest position in the ack of a join or in a `resync`; undefined where the log could not be read, or there is none. */
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
  return listOf(recovery, 'messages').filter((message): message is Envelope => textOf(message, 'type') !== undefined)
}

/** Where the first of its messages stands in the log. */
export function firstMessageOf (recovery: unknown): EntryPosition | undefined {
  return placeOf(listOf(recovery, 'messages')[0])
}

/** Where a message stands in its channel's log; undefined for an ephemeral one. */
export function placeOf (envelope: unknown): EntryPosition | undefined {
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
