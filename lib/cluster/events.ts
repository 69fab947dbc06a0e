import type { PresenceChange } from '../protocol/control-messages.ts'
import type { EncodedMessage } from '../protocol/encoding.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import type { AnnouncedEntry } from './history.ts'
import type { PresenceVersion } from './presence.ts'
import type { Except } from './pubsub.ts'

/** What an adapter reports to its node. The calls are synchronous and never throw, except `requested`. */
export interface AdapterEvents {
  /** Another node published a message on a subscribed channel. */
  message (channel: string, encoded: EncodedMessage, whenSlow: WhenSlow, except?: Except): void
  /** The presence list of a subscribed channel changed, because of this node or another one. */
  presenceChanged (channel: string, version: PresenceVersion, change: PresenceChange): void
  /**
   * This node or another one appended to the history of a subscribed channel. `entries` are in order and have no hole
   * between them. Calls may be missing, late, or repeated.
   */
  entriesAppended (channel: string, epoch: string, entries: readonly AnnouncedEntry[]): void
  /** Events of every channel may have been missed: the node has to read histories and presence lists again. */
  gap (): void
  /**
   * Another node revoked a user or token until `until`, in milliseconds since 1970 by the clock of this node. Repeated
   * after a gap.
   */
  revoked (key: string, until: number): void
  /**
   * Another node sent a request. The returned value is the answer; a node whose handler throws or rejects is missing.
   */
  requested (request: unknown): unknown
}

/**
 * Passes events on to the node that started the adapter. An adapter creates it in its constructor and hands it to its
 * parts, so that they are complete before `start` is called.
 *
 * Before `connect`, events are dropped: the node subscribes to nothing and holds no state that they could change. A
 * request then is refused, so that the asking node counts this one as missing.
 */
export class AdapterEventRelay implements AdapterEvents {
  #events: AdapterEvents | undefined

  /** Passes all events from now on to `events`. */
  connect (events: AdapterEvents): void {
    this.#events = events
  }

  message (...args: Parameters<AdapterEvents['message']>): void {
    this.#events?.message(...args)
  }

  presenceChanged (...args: Parameters<AdapterEvents['presenceChanged']>): void {
    this.#events?.presenceChanged(...args)
  }

  entriesAppended (...args: Parameters<AdapterEvents['entriesAppended']>): void {
    this.#events?.entriesAppended(...args)
  }

  gap (): void {
    this.#events?.gap()
  }

  revoked (...args: Parameters<AdapterEvents['revoked']>): void {
    this.#events?.revoked(...args)
  }

  /** @throws {Error} before `connect` */
  requested (request: unknown): unknown {
    if (!this.#events) throw new Error('this node has not started yet')
    return this.#events.requested(request)
  }
}
