import type { Keyframe } from '../adapters/adapter.ts'
import { frameWith, listOfFrames, type Frame } from '../protocol/frame.ts'
import type { Recovery, ResyncReason } from '../protocol/log.ts'
import type { Replay } from './tail.ts'

/** What a replay adds to the ack of a join, in two parts: as values, and as JSON that was made before. */
export interface RecoveryParts {
  readonly values: Omit<Recovery, 'keyframe' | 'messages'>
  readonly json: Readonly<Record<string, Buffer>>
}

export function recoveryOf ({ position, reason, keyframe, frames }: Replay): RecoveryParts {
  return {
    values: { ...position, recovered: reason === undefined, ...(reason && { reason }) },
    json: { ...(keyframe && { keyframe: keyframeJson(keyframe) }), messages: listOfFrames(frames) }
  }
}

/** Tells a member to begin anew. */
export function resyncFrame (channel: string, replay: Replay, reason: ResyncReason): Frame {
  const { json } = recoveryOf(replay)
  return frameWith({ type: 'resync', channel, payload: { ...replay.position, reason } }, json)
}

function keyframeJson ({ offset, link, state }: Keyframe): Buffer {
  return Buffer.from(`${JSON.stringify({ offset, link }).slice(0, -1)},"state":${state}}`)
}
