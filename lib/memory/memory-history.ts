import type { AppendedEntry } from '../cluster/idempotency.ts'
import type { Append, AppendOutcome, HistoryPageRead, HistoryPort, HistoryRead } from '../cluster/history.ts'
import type { Position } from '../protocol/position.ts'
import type { MemoryHub } from './memory-hub.ts'

/** The histories of the hub, with each new entry announced to the subscribed nodes. */
export class MemoryHistory implements HistoryPort {
  readonly #hub: MemoryHub

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  async append (channel: string, append: Append): Promise<AppendOutcome> {
    const outcome = this.#hub.historyOf(channel).append(append)
    if (!('entry' in outcome)) return outcome
    const { position, entry } = outcome
    for (const { events } of this.#hub.subscribers(channel)) {
      events.entriesAppended(channel, position.epoch, [{ entry, snapshot: append.snapshot }])
    }
    return { outcome: 'appended', position }
  }

  async confirm (channel: string, entries: readonly AppendedEntry[]): Promise<boolean> {
    return entries.every((entry) => this.#hub.historyOf(channel).hasAppended(entry))
  }

  async read (channel: string, since?: Position): Promise<HistoryRead> {
    return this.#hub.historyOf(channel).read(since)
  }

  async readBefore (channel: string, before: number | undefined, limit: number): Promise<HistoryPageRead> {
    return this.#hub.historyOf(channel).readBefore(before, limit)
  }

  async clear (channel: string): Promise<void> {
    this.#hub.clearHistory(channel)
  }

  async positions (channels: readonly string[]): Promise<Array<Position | undefined>> {
    return channels.map((channel) => {
      return this.#hub.hasHistory(channel) ? this.#hub.historyOf(channel).position : undefined
    })
  }
}
