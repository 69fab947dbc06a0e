import type { Keyframe, LogAppend, LogAppended, LogEntry, LogRead, ReadReason, Receiver } from '../adapter.ts'
import type { Position } from '../../protocol/log.ts'
import { script } from './commands.ts'
import { newEpoch } from './epoch.ts'
import type { Surroundings } from './surroundings.ts'

const appendScript = script('append', { binary: true, include: 'log-read' })
const readScript = script('read', { binary: true, include: 'log-read' })
const positionScript = script('positions')

/** Milliseconds for which an id that was appended is known; also how long a log lives that holds nothing. */
const window = 120_000

/** Milliseconds until an append to a log that is full may be tried again. */
const retryAfter = 1_000

type Raw = ReadonlyArray<Buffer>

/** The logs of channels: each of a meta hash, a stream and two dedupe hashes, which share a slot with the channel's pub/sub. */
export class RedisLog {
  readonly #around: Surroundings
  readonly #receiver: Pick<Receiver, 'entry'>

  constructor (around: Surroundings, receiver: Pick<Receiver, 'entry'>) {
    this.#around = around
    this.#receiver = receiver
  }

  async append (channel: string, append: LogAppend): Promise<LogAppended> {
    const { id, frame, whenSlow, limit, ttl, expect, keyframe = '' } = append
    const position = expect ? [expect.epoch, expect.offset, expect.link] : []
    const args = [id, frame, whenSlow === 'skip' ? 'skip' : '', limit, ttl, newEpoch(this.#around.random), window, keyframe, ...position]
    const [outcome, ...rest] = await this.#around.commands.run(appendScript, [...this.#keys(channel), this.pubsub(channel)], args) as [Buffer, ...unknown[]]
    switch (String(outcome)) {
      case 'behind': return { outcome: 'behind', missed: readOf(rest[0] as unknown[]) }
      case 'full': return { outcome: 'full', retryAfter }
      default: return { outcome: String(outcome) as 'appended' | 'duplicate', position: positionOf(rest as Buffer[]) }
    }
  }

  async read (channel: string, since?: Position): Promise<LogRead> {
    const position = since ? [since.epoch, since.offset, since.link] : []
    return readOf(await this.#around.commands.run(readScript, this.#keys(channel), [newEpoch(this.#around.random), window, ...position]) as unknown[])
  }

  positions (channels: readonly string[]): Promise<Array<Position | undefined>> {
    return Promise.all(channels.map(async (channel) => {
      const found = await this.#around.commands.run(positionScript, [this.#around.keys.ofChannel(channel, 'log')], []) as string[]
      return found.length === 0 ? undefined : positionOf(found)
    }))
  }

  /** Takes a published entry: a line of JSON, the frame, and the keyframe behind it. @throws {TypeError} when it is malformed */
  take (channel: string, body: Buffer): void {
    const end = body.indexOf(0x0a)
    const head: unknown = JSON.parse(body.toString('utf8', 0, end))
    if (!isHead(head)) throw new TypeError('an entry without a head')
    const [epoch, offset, id, link, prev, whenSlow, length] = head
    const frame = body.subarray(end + 1, end + 1 + Number(length))
    if (frame.length < 2 || frame.length !== Number(length)) throw new TypeError('an entry is cut off')
    const keyframe = body.toString('utf8', end + 1 + frame.length)
    const entry = { offset: Number(offset), id, link, prev, frame, whenSlow: whenSlow === 'skip' ? 'skip' as const : undefined }
    this.#receiver.entry(channel, epoch, entry, keyframe === '' ? undefined : keyframe)
  }

  pubsub (channel: string): string {
    return this.#around.keys.ofChannel(channel, 'pubsub')
  }

  #keys (channel: string): string[] {
    return ['log', 'stream', 'ids0', 'ids1'].map((part) => this.#around.keys.ofChannel(channel, part))
  }
}

type Head = readonly [epoch: string, offset: string, id: string, link: string, prev: string, whenSlow: string, length: string]

function isHead (value: unknown): value is Head {
  return Array.isArray(value) && value.length === 7 && value.every((part) => typeof part === 'string') &&
    Number.isSafeInteger(Number(value[1])) && Number.isSafeInteger(Number(value[6]))
}

function readOf ([epoch, offset, link, reason, keyframe, entries]: unknown[]): LogRead {
  const why = String(reason)
  const state = keyframeOf(keyframe as Raw)
  return {
    position: positionOf([epoch, offset, link] as Buffer[]),
    ...(why !== '' && { reason: why as ReadReason }),
    ...(state && { keyframe: state }),
    entries: (entries as Raw[]).map(entryOf)
  }
}

function positionOf ([epoch, offset, link]: ReadonlyArray<Buffer | string>): Position {
  return { epoch: String(epoch), offset: Number(String(offset)), link: String(link) }
}

function keyframeOf ([offset, link, state]: Raw): Keyframe | undefined {
  return offset && { offset: Number(String(offset)), link: String(link), state: String(state) }
}

function entryOf ([offset, id, link, prev, whenSlow, frame]: Raw): LogEntry {
  return {
    offset: Number(String(offset)),
    id: String(id),
    link: String(link),
    prev: String(prev),
    whenSlow: String(whenSlow) === 'skip' ? 'skip' : undefined,
    frame: frame as Buffer
  }
}
