import type { Unsubscribe } from '../listeners.ts'
import { resultOf, type Result } from '../messaging.ts'
import type { CallOptions } from '../requests/call.ts'
import type { ResyncEvent } from './history-position.ts'
import { JoinedChannel } from './joined-channel.ts'
import type { Presence, PresenceListener, View } from './presence.ts'

/** What `history` takes. `HistoryOptions` in typed-channel.ts documents the members. */
interface UntypedHistoryOptions extends CallOptions {
  readonly before?: number | undefined
  readonly limit?: number | undefined
}

/** A handle with the members that the core leaves out. `TypedChannel` documents them. */
export class FullChannel extends JoinedChannel {
  /** The epoch of the history, and the offset of the oldest entry that the handle got; undefined without a history. */
  #epoch: string | undefined
  #oldest: number | undefined

  get presence (): View {
    return (this.membership.presence as Presence).view
  }

  onPresence (listener: PresenceListener): Unsubscribe {
    return this.on('presence', listener)
  }

  onRecovered (listener: () => void): Unsubscribe {
    return this.on('ack', listener)
  }

  onResync (listener: (resync: ResyncEvent) => void): Unsubscribe {
    return this.on('resync', listener)
  }

  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe {
    return this.on('left', listener)
  }

  trySend (...args: Parameters<JoinedChannel['send']>): Promise<Result> {
    return resultOf(this.send(...args))
  }

  history ({ before = this.#oldest, limit, ...options }: UntypedHistoryOptions = {}): Promise<unknown> {
    return this.send('history', { before, limit, epoch: this.#epoch }, options)
  }

  override take (...args: Parameters<JoinedChannel['take']>): void {
    const [type, payload, entry] = args as [string, ResyncEvent, { readonly offset: number }?]
    if (type === 'resync') {
      this.#epoch = payload.position.epoch
      this.#oldest = payload.position.offset + 1
    }
    if (entry) this.#oldest = Math.min(this.#oldest as number, entry.offset)
    super.take(...args)
  }
}
