import { JoinedChannel } from '../channel/joined-channel.ts'
import type { ResyncEvent } from '../channel/history-position.ts'
import type { CallOptions } from '../requests/call.ts'

/** What `history` takes. `HistoryOptions` in typed-channel.ts documents the members. */
interface UntypedHistoryOptions extends CallOptions {
  readonly before?: number | undefined
  readonly limit?: number | undefined
}

/** A handle that reads older messages of the history. */
export class FullChannel extends JoinedChannel {
  /** The epoch of the history, and the offset of the oldest entry that the handle got; undefined without a history. */
  #epoch: string | undefined
  #oldest: number | undefined

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
