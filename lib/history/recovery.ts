import type { Snapshot } from '../cluster/history.ts'
import { encodeEnvelopeWith, jsonList, type EncodedMessage } from '../protocol/encoding.ts'
import type { Recovery } from '../protocol/history.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { RecoveryContent } from './history-cache.ts'

/** What a replay adds to the ack of a join, in two parts: as values, and as JSON that was made before. */
export interface RecoveryPayload {
  readonly values: Omit<Recovery, 'snapshot' | 'messages'>
  readonly json: Readonly<Record<string, Buffer>>
}

export function recoveryPayload ({ position, reason, snapshot, messages: frames }: RecoveryContent): RecoveryPayload {
  return {
    values: { ...position, recovered: reason === undefined, ...(reason && { reason }) },
    json: { ...(snapshot && { snapshot: snapshotJson(snapshot) }), messages: jsonList(frames) }
  }
}

/** Tells a member to begin anew. */
export function encodeResync (channel: string, replay: RecoveryContent, reason: ResyncReason): EncodedMessage {
  const { json } = recoveryPayload(replay)
  return encodeEnvelopeWith({ type: 'resync', channel, payload: { ...replay.position, reason } }, json)
}

function snapshotJson ({ offset, hash, state }: Snapshot): Buffer {
  return Buffer.from(`${JSON.stringify({ offset, hash }).slice(0, -1)},"state":${state}}`)
}
