import type { LogEntry, LogRead } from '../adapters/adapter.ts'
import type { CompiledChannel } from '../contract/compile.ts'
import type { CompiledLog } from '../contract/log.ts'
import type { Logger } from '../logger.ts'
import { Behind, errorMessages, MessageError, refusal, type LogContent, type LoggedMessage } from '../protocol/errors.ts'
import type { Position } from '../protocol/log.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Encoded } from './encode.ts'
import type { AppendOptions, Logged } from './implement.ts'

/** One channel's log, as the code of handlers and services uses it. */
export class ChannelLog {
  readonly #rooms: Rooms
  readonly #channel: string
  readonly #compiled: CompiledLog
  readonly #log: Logger | undefined

  constructor (rooms: Rooms, channel: string, compiled: CompiledLog, log?: Logger) {
    this.#rooms = rooms
    this.#channel = channel
    this.#compiled = compiled
    this.#log = log
  }

  /** @throws {Behind} @throws {MessageError} `log_full`, `unavailable` @throws {OutgoingError} for a keyframe that breaks its schema */
  async append (id: string, { frame, whenSlow }: Encoded, { expect, keyframe }: AppendOptions = {}): Promise<Logged> {
    const { limit, ttl } = this.#compiled
    const state = this.#encodeKeyframe(expect, keyframe)
    const appended = await this.#reach(() => this.#rooms.append(this.#channel, { id, frame, whenSlow, limit, ttl, expect, keyframe: state }))
    if (appended.outcome === 'behind') throw new Behind(contentOf(appended.missed))
    if (appended.outcome === 'full') throw new MessageError('log_full', errorMessages.log_full, undefined, appended.retryAfter)
    return { ...appended.position, id }
  }

  /** What came after `since`, else what there is. @throws {MessageError} `unavailable` */
  async read (since?: Position): Promise<LogContent> {
    return contentOf(await this.#reach(() => this.#rooms.read(this.#channel, since)))
  }

  #encodeKeyframe (expect: Position | undefined, keyframe: unknown): string | undefined {
    if (keyframe === undefined) return undefined
    if (!this.#compiled.keyframe) throw new TypeError('the contract declares no keyframe for this log')
    if (!expect) throw new TypeError("a keyframe needs 'expect': it holds at one position only")
    return JSON.stringify(this.#compiled.keyframe(keyframe))
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
export function logOf (rooms: Rooms, channel: string, { log }: CompiledChannel, logger?: Logger): ChannelLog {
  if (!log) throw new TypeError(`the channel '${channel}' has no log`)
  return new ChannelLog(rooms, channel, log, logger)
}

function contentOf ({ position, reason, keyframe, entries }: LogRead): LogContent {
  const after = keyframe?.offset ?? 0
  return {
    position,
    ...(reason && { reason }),
    ...(keyframe && { keyframe: { ...keyframe, state: JSON.parse(keyframe.state) as unknown } }),
    messages: entries.filter(({ offset }) => offset > after).map(messageOf)
  }
}

function messageOf ({ frame, offset, id, link, prev }: LogEntry): LoggedMessage {
  const { type, payload } = JSON.parse(frame.toString()) as { type: string, payload?: unknown }
  return { type, payload, offset, id, link, prev }
}
