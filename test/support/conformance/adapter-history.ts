import assert from 'node:assert/strict'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { Append, AppendOutcome, HistoryEntry, HistoryRead } from '../../../lib/cluster/history.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import type { Told } from '../history-world.ts'
import { LogModel } from '../history-model.ts'
import type { Beneath } from './beneath.ts'
import { assertSame, assertSameRead } from './history-property.ts'
import type { OneLog } from './merge-property.ts'

/** Ignores every event. */
export const deaf: AdapterEvents = {
  message: () => {},
  presenceChanged: () => {},
  entryAppended: () => {},
  gap: () => {},
  revoked: () => {},
  requested: () => undefined
}

/** Hands the entries that arrive at a node to the taker of their channel. */
export class Entries {
  readonly #takers = new Map<string, Told>()
  readonly receiver: Pick<AdapterEvents, 'entryAppended'> = {
    entryAppended: (channel, epoch, entry, snapshot) => this.#takers.get(channel)?.(epoch, entry, snapshot)
  }

  take (channel: string, taker: Told): void {
    this.#takers.set(channel, taker)
  }

  leave (channel: string): void {
    this.#takers.delete(channel)
  }
}

/** A channel's history, appended to on one node and followed on another. Each outcome must equal the model's. */
export class AdapterLog<S> implements OneLog {
  told: Told = () => {}
  readonly #model = new LogModel()
  readonly #channel: string
  readonly #near: Adapter
  readonly #far: Adapter
  readonly #entries: Entries
  readonly #beneath: Beneath<S>
  /** The stored history as it was before each of its entries. */
  #saved: S[] = []
  #arrived: (told: Parameters<Told>) => void = () => {}

  private constructor (channel: string, near: Adapter, far: Adapter, entries: Entries, beneath: Beneath<S>) {
    this.#channel = channel
    this.#near = near
    this.#far = far
    this.#entries = entries
    this.#beneath = beneath
  }

  /** `entries`: receives the events of `far`. */
  static async open<S> (
    channel: string, [near, far]: readonly [Adapter, Adapter], entries: Entries, beneath: Beneath<S>
  ): Promise<AdapterLog<S>> {
    const log = new AdapterLog(channel, near, far, entries, beneath)
    entries.take(channel, (epoch, entry, snapshot) => {
      log.told(epoch, entry, snapshot)
      log.#arrived([epoch, entry, snapshot])
    })
    await far.pubsub.subscribe(channel)
    await log.#begin()
    return log
  }

  get position (): Position {
    return this.#model.position
  }

  get entries (): readonly HistoryEntry[] {
    return this.#model.entries
  }

  /** Resolves once the entry has arrived at the other node as well. */
  async append (append: Omit<Append, 'ttl'>): Promise<AppendOutcome> {
    const saved = await this.#beneath.save(this.#channel)
    const arrived = new Promise<Parameters<Told>>((resolve) => { this.#arrived = resolve })
    const outcome = await this.#near.history.append(this.#channel, { ...append, ttl: 60_000 })
    assertSame(outcome, this.#model.append(append, 'position' in outcome ? outcome.position.hash : undefined))
    if (outcome.outcome !== 'appended') return outcome
    this.#saved.push(saved)
    const [epoch, { offset, id, hash, prev, encoded, whenSlow }, snapshot] = await arrived
    assert.deepEqual(
      [epoch, { offset, id, hash, prev, encoded, whenSlow }, snapshot],
      [this.position.epoch, this.entries.at(-1), append.snapshot]
    )
    return outcome
  }

  async read (since: Position | undefined): Promise<HistoryRead> {
    const read = await this.#far.history.read(this.#channel, since)
    assertSameRead(read, this.#model.read(since))
    return read
  }

  async top (): Promise<Position | undefined> {
    const [position] = await this.#far.history.positions([this.#channel])
    assert.deepEqual(position, this.position)
    return position
  }

  async loseNewest (count: number): Promise<void> {
    const [oldest] = this.#saved.splice(Math.max(0, this.#saved.length - count))
    if (oldest !== undefined) await this.#beneath.restore(this.#channel, oldest)
    this.#model.loseNewest(count)
  }

  async loseAll (): Promise<void> {
    const { epoch } = this.position
    await this.#beneath.erase(this.#channel)
    this.#saved = []
    this.#model.loseAll()
    await this.#begin()
    assert.notEqual(this.position.epoch, epoch, 'an epoch is never used twice')
  }

  async end (): Promise<void> {
    this.#entries.leave(this.#channel)
    await this.#far.pubsub.unsubscribe(this.#channel)
  }

  /** The first read begins a history and tells its epoch. */
  async #begin (): Promise<void> {
    const { position } = await this.#far.history.read(this.#channel)
    this.#model.epoch = position.epoch
  }
}
