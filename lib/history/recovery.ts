import type { Snapshot } from '../cluster/history.ts'
import { encodeEnvelopeWith, jsonList, type EncodedMessage } from '../protocol/encoding.ts'
import type { Recovery, ResyncReason } from '../protocol/position.ts'
import type { Replay } from './history-cache.ts'

/** What a replay adds to the ack of a join, in two parts: as values, and as JSON that was made before. */
export interface RecoveryParts {
  readonly values: Omit<Recovery, 'snapshot' | 'messages'>
  readonly json: Readonly<Record<string, Buffer>>
}

export function recoveryOf ({ position, reason, snapshot, frames }: Replay): RecoveryParts {
  return {
    values: { ...position, recovered: reason === undefined, ...(reason && { reason }) },
    json: { ...(snapshot && { snapshot: snapshotJson(snapshot) }), messages: jsonList(frames) }
  }
}

/** Tells a member to begin anew. */
export function resyncFrame (channel: string, replay: Replay, reason: ResyncReason): EncodedMessage {
  const { json } = recoveryOf(replay)
  return encodeEnvelopeWith({ type: 'resync', channel, payload: { ...replay.position, reason } }, json)
}

function snapshotJson ({ offset, hash, state }: Snapshot): Buffer {
  return Buffer.from(`${JSON.stringify({ offset, hash }).slice(0, -1)},"state":${state}}`)
}
