import type { Envelope } from '../../protocol/envelope.ts'
import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import type { SentSnapshot } from '../../protocol/history.ts'
import { Listeners, type Report } from '../listeners.ts'
import { HistoryPosition, type EntryOrder } from './history-position.ts'
import { propertyOf, textOf } from '../transport/read-envelope.ts'
import { snapshotOf, messagesOf, positionOf } from './read-recovery.ts'

/** `Resync` in typed-messaging.ts documents the members. */
export interface ResyncEvent {
  readonly reason: string
  readonly snapshot?: SentSnapshot
  readonly position: Position
}

/** What `join` takes as `onResync`; undefined where the caller gave none. */
export type OnResync = ((resync: ResyncEvent) => void) | 'ignore' | undefined

/** The client's view of one channel's history: the position reached, and the listeners for recovery and resync. */
export class ClientHistory {
  /** Called after all missed entries were delivered. */
  readonly recovered: Listeners<[]>
  readonly #position = new HistoryPosition()
  readonly #resyncs: Listeners<[ResyncEvent]>

  constructor (report: Report, onResync: OnResync) {
    this.recovered = new Listeners(report)
    this.#resyncs = new Listeners(report)
    if (typeof onResync === 'function') this.#resyncs.add(onResync)
  }

  get since (): Position | undefined {
    return this.#position.since
  }

  /** Moves the position to an entry if that entry is the next one. */
  advance (entry: EntryPosition): EntryOrder {
    return this.#position.advance(entry)
  }

  /** Takes the ack of a join; returns the messages to deliver. */
  applyJoin (ack: unknown): Envelope[] {
    return isRecovered(ack) ? messagesOf(ack) : this.applyResync(ack)
  }

  /** Replaces the position by the one that the server sent; returns the messages to deliver after it. */
  applyResync (recovery: unknown): Envelope[] {
    const position = positionOf(recovery)
    if (!position) return []
    const snapshot = snapshotOf(recovery)
    this.#position.reset(position, recovery)
    this.#resyncs.call({ reason: textOf(recovery, 'reason') ?? 'fresh', ...(snapshot && { snapshot }), position })
    return messagesOf(recovery)
  }
}

/** Whether the ack of a join carries every missed entry. */
export function isRecovered (ack: unknown): boolean {
  return propertyOf(ack, 'recovered') === true
}
