import type { HistoryEntry, HistoryRead } from '../cluster/history.ts'
import type { CompiledChannel } from '../contract/compile.ts'
import type { CompiledHistory } from '../contract/compile-history.ts'
import type { Logger } from '../logger.ts'
import { Behind, errorMessages, MessageError, refusal } from '../protocol/errors.ts'
import type { HistoryContent, HistoryMessage } from '../protocol/history.ts'
import type { Position } from '../protocol/position.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Encoded } from './encode.ts'
import type { AppendOptions, Appended } from './implement.ts'

/** One channel's log, as the code of handlers and services uses it. */
export class ChannelHistory {
  readonly #rooms: Rooms
  readonly #channel: string
  readonly #compiled: CompiledHistory
  readonly #log: Logger | undefined

  constructor (rooms: Rooms, channel: string, compiled: CompiledHistory, log?: Logger) {
    this.#rooms = rooms
    this.#channel = channel
    this.#compiled = compiled
    this.#log = log
  }

  /** @throws {Behind} @throws {MessageError} `history_full`, `unavailable` @throws {OutgoingError} for a snapshot that breaks its schema */
  async append (id: string, { frame, whenSlow }: Encoded, { after, snapshot }: AppendOptions = {}): Promise<Appended> {
    const { limit, ttl } = this.#compiled
    const state = this.#encodeSnapshot(after, snapshot)
    const appended = await this.#reach(() => this.#rooms.append(this.#channel, { id, encoded: frame, whenSlow, limit, ttl, after, snapshot: state }))
    if (appended.outcome === 'behind') throw new Behind(contentOf(appended.missed))
    if (appended.outcome === 'full') throw new MessageError('history_full', errorMessages.history_full, undefined, appended.retryAfter)
    return { ...appended.position, id }
  }

  /** What came after `since`, else what there is. @throws {MessageError} `unavailable` */
  async read (since?: Position): Promise<HistoryContent> {
    return contentOf(await this.#reach(() => this.#rooms.read(this.#channel, since)))
  }

  #encodeSnapshot (expect: Position | undefined, snapshot: unknown): string | undefined {
    if (snapshot === undefined) return undefined
    if (!this.#compiled.snapshot) throw new TypeError('the contract declares no snapshot for this log')
    if (!expect) throw new TypeError("a snapshot needs 'expect': it holds at one position only")
    return JSON.stringify(this.#compiled.snapshot(snapshot))
  }

  async #reach<T> (action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (err) {
      this.#log?.warn({ err, channel: this.#channel }, 'a log cannot be reached')
      throw refusal('unavailable')
    }
  }
}

/** The log of a channel. @throws {TypeError} where its contract declares none. */
export function historyOf (rooms: Rooms, channel: string, { history }: CompiledChannel, logger?: Logger): ChannelHistory {
  if (!history) throw new TypeError(`the channel '${channel}' has no log`)
  return new ChannelHistory(rooms, channel, history, logger)
}

function contentOf ({ position, reason, snapshot, entries }: HistoryRead): HistoryContent {
  const after = snapshot?.offset ?? 0
  return {
    position,
    ...(reason && { reason }),
    ...(snapshot && { snapshot: { ...snapshot, state: JSON.parse(snapshot.state) as unknown } }),
    messages: entries.filter(({ offset }) => offset > after).map(messageOf)
  }
}

function messageOf ({ encoded, offset, id, hash, prev }: HistoryEntry): HistoryMessage {
  const { type, payload } = JSON.parse(encoded.toString()) as { type: string, payload?: unknown }
  return { type, payload, offset, id, hash, prev }
}
