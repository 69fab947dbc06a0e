import type {
  Append, AppendOutcome, Durability, HistoryPageRead, HistoryPort, HistoryRead
} from '../../cluster/history.ts'
import type { AppendedEntry } from '../../cluster/idempotency.ts'
import type { Position } from '../../protocol/position.ts'
import type { HubAccess } from '../hub-access.ts'

/** The histories of the hub. They are lost with it: the next hub begins new ones, so every member gets a `resync`. */
export class LocalHistory implements HistoryPort {
  readonly #access: HubAccess

  constructor (access: HubAccess) {
    this.#access = access
  }

  append (channel: string, append: Append): Promise<AppendOutcome> {
    return this.#access.ask(({ history }) => history.append(channel, append))
  }

  confirm (channel: string, entries: readonly AppendedEntry[], durability: Durability): Promise<boolean> {
    return this.#access.ask(({ history }) => history.confirm(channel, entries, durability))
  }

  read (channel: string, since?: Position): Promise<HistoryRead> {
    return this.#access.ask(({ history }) => history.read(channel, since))
  }

  readBefore (channel: string, before: number | undefined, limit: number): Promise<HistoryPageRead> {
    return this.#access.ask(({ history }) => history.readBefore(channel, before, limit))
  }

  clear (channel: string): Promise<void> {
    return this.#access.ask(({ history }) => history.clear(channel))
  }

  positions (channels: readonly string[]): Promise<ReadonlyArray<Position | undefined>> {
    return this.#access.ask(({ history }) => history.positions(channels))
  }
}
