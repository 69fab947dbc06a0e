import type { Envelope } from '../../protocol/envelope.ts'
import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position, SentSnapshot } from '../../protocol/position.ts'
import { Listeners, type Report } from '../listeners.ts'
import { HistoryPosition, type Standing } from './history-position.ts'
import { propertyOf, textOf } from '../transport/read-envelope.ts'
import { snapshotOf, messagesOf, positionOf } from './read-recovery.ts'

/** What there is to begin anew with. `TypedChannel`'s `Resync` says what its members mean. */
export interface ResyncEvent {
  readonly reason: string
  readonly snapshot?: SentSnapshot
  readonly position: Position
}

/** What a client knows of its channel's log: how far it is, and what it does when it cannot simply go on. */
export class ClientHistory {
  /** Called when all that was missed has been handed on. */
  readonly recovered: Listeners<[]>
  readonly #position = new HistoryPosition()
  readonly #begun: Listeners<[ResyncEvent]>

  constructor (report: Report, onResync?: (begun: ResyncEvent) => void) {
    this.recovered = new Listeners(report)
    this.#begun = new Listeners(report)
    if (onResync) this.#begun.add(onResync)
  }

  get since (): Position | undefined {
    return this.#position.since
  }

  /** Moves on to a message, where it is the next. */
  pass (place: EntryPosition): Standing {
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
    const snapshot = snapshotOf(recovery)
    this.#position.begin(position, recovery)
    this.#begun.call({ reason: textOf(recovery, 'reason') ?? 'fresh', ...(snapshot && { snapshot }), position })
    return messagesOf(recovery)
  }
}

/** Whether the ack of a join brings all that was missed. */
export function isRecovered (ack: unknown): boolean {
  return propertyOf(ack, 'recovered') === true
}
