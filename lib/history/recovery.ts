import type { Snapshot } from '../cluster/history.ts'
import { encodeEnvelopeWith, type EncodedMessage, type JsonMembers } from '../protocol/encoding.ts'
import type { Recovery } from '../protocol/history.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { RecoveryContent } from './history-cache.ts'

/** The recovery fields of a join's ack, in two parts: values, and members that are JSON already. */
export interface RecoveryPayload {
  readonly values: Omit<Recovery, 'snapshot' | 'messages'>
  readonly json: JsonMembers
}

export function recoveryPayload ({ position, reason, snapshot, json }: RecoveryContent): RecoveryPayload {
  return {
    values: { ...position, recovered: reason === undefined, ...(reason && { reason }) },
    json: { ...(snapshot && { snapshot: snapshotJson(snapshot) }), messages: json }
  }
}

/** The `resync` message with which a member starts again from `content`. */
export function encodeResync (channel: string, content: RecoveryContent, reason: ResyncReason): EncodedMessage {
  const { json } = recoveryPayload(content)
  return encodeEnvelopeWith({ type: 'resync', channel, payload: { ...content.position, reason } }, json)
}

function snapshotJson ({ offset, hash, state }: Snapshot): Buffer {
  return Buffer.from(`${JSON.stringify({ offset, hash }).slice(0, -1)},"state":${state}}`)
}
