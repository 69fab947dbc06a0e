import type { Envelope } from '../protocol/envelope.ts'
import type { Place } from '../protocol/frame.ts'
import type { Position, SentKeyframe } from '../protocol/log.ts'
import { Listeners, type Report } from './listeners.ts'
import { LogPosition, type Standing } from './log-position.ts'
import { propertyOf, textOf } from './read-envelope.ts'
import { keyframeOf, messagesOf, positionOf } from './read-recovery.ts'

/** What there is to begin anew with. `TypedChannel`'s `Resync` says what its members mean. */
export interface Begun {
  readonly reason: string
  readonly keyframe?: SentKeyframe
  readonly position: Position
}

/** What a client knows of its channel's log: how far it is, and what it does when it cannot simply go on. */
export class ChannelLog {
  /** Called when all that was missed has been handed on. */
  readonly recovered: Listeners<[]>
  readonly #position = new LogPosition()
  readonly #begun: Listeners<[Begun]>

  constructor (report: Report, onResync?: (begun: Begun) => void) {
    this.recovered = new Listeners(report)
    this.#begun = new Listeners(report)
    if (onResync) this.#begun.add(onResync)
  }

  get since (): Position | undefined {
    return this.#position.since
  }

  /** Moves on to a message, where it is the next. */
  pass (place: Place): Standing {
    return this.#position.pass(place)
  }

  /** Takes the ack of a join; returns the messages that it brings. */
  joined (ack: unknown): Envelope[] {
    return isRecovered(ack) ? messagesOf(ack) : this.resync(ack)
  }

  /** Begins anew with what the server sent, and returns the messages after it. */
  resync (recovery: unknown): Envelope[] {
    const position = positionOf(recovery)
    if (!position) return []
    const keyframe = keyframeOf(recovery)
    this.#position.begin(position, recovery)
    this.#begun.call({ reason: textOf(recovery, 'reason') ?? 'fresh', ...(keyframe && { keyframe }), position })
    return messagesOf(recovery)
  }
}

/** Whether the ack of a join brings all that was missed. */
export function isRecovered (ack: unknown): boolean {
  return propertyOf(ack, 'recovered') === true
}
