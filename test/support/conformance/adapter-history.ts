import assert from 'node:assert/strict'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { Append, AppendOutcome, HistoryEntry, HistoryRead } from '../../../lib/cluster/history.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import type { EntryListener } from '../follower-simulation.ts'
import { HistoryModel } from '../history-model.ts'
import { assertSame, assertSameRead } from './history-property.ts'
import type { HistoryStorage } from './history-storage.ts'
import type { ClosableHistory } from './merge-property.ts'

/** Ignores all events. */
export const noEvents: AdapterEvents = {
  message: () => {},
  presenceChanged: () => {},
  entriesAppended: () => {},
  gap: () => {},
  revoked: () => {},
  requested: () => undefined
}

/** Passes the entries that arrive at a node to the listener of their channel. */
export class EntryRouter {
  readonly #listeners = new Map<string, EntryListener>()
  readonly receiver: Pick<AdapterEvents, 'entriesAppended'> = {
    entriesAppended: (channel, epoch, entries) => {
      for (const { entry, snapshot } of entries) this.#listeners.get(channel)?.(epoch, entry, snapshot)
    }
  }

  addListener (channel: string, listener: EntryListener): void {
    this.#listeners.set(channel, listener)
  }

  deleteListener (channel: string): void {
    this.#listeners.delete(channel)
  }
}

/**
 * The history of a channel. One node appends to it, another follows it. Asserts that each outcome equals the model's.
 */
export class AdapterHistory<S> implements ClosableHistory {
  onEntry: EntryListener = () => {}
  readonly #model = new HistoryModel()
  readonly #channel: string
  readonly #near: Adapter
  readonly #far: Adapter
  readonly #router: EntryRouter
  readonly #storage: HistoryStorage<S>
  /** The stored history as it was before each of its entries. */
  #saved: S[] = []
  #arrived: (entry: Parameters<EntryListener>) => void = () => {}

  private constructor (channel: string, near: Adapter, far: Adapter, router: EntryRouter, storage: HistoryStorage<S>) {
    this.#channel = channel
    this.#near = near
    this.#far = far
    this.#router = router
    this.#storage = storage
  }

  /** `router`: receives the events of `far`. */
  static async open<S> (
    channel: string, [near, far]: readonly [Adapter, Adapter], router: EntryRouter, storage: HistoryStorage<S>
  ): Promise<AdapterHistory<S>> {
    const history = new AdapterHistory(channel, near, far, router, storage)
    router.addListener(channel, (epoch, entry, snapshot) => {
      history.onEntry(epoch, entry, snapshot)
      history.#arrived([epoch, entry, snapshot])
    })
    await far.pubsub.subscribe(channel)
    await history.#begin()
    return history
  }

  get position (): Position {
    return this.#model.position
  }

  get entries (): readonly HistoryEntry[] {
    return this.#model.entries
  }

  /** Resolves once the entry has arrived at the other node as well. */
  async append (append: Omit<Append, 'ttl'>): Promise<AppendOutcome> {
    const saved = await this.#storage.save(this.#channel)
    const arrived = new Promise<Parameters<EntryListener>>((resolve) => { this.#arrived = resolve })
    const outcome = await this.#near.history.append(this.#channel, { ...append, ttl: 60_000 })
    assertSame(outcome, this.#model.append(append, 'position' in outcome ? outcome.position.hash : undefined))
    if (outcome.outcome !== 'appended') return outcome
    this.#saved.push(saved)
    const [epoch, { offset, id, hash, prev, encoded, whenSlow }, snapshot] = await arrived
    assert.deepEqual(
      [epoch, { offset, id, hash, prev, encoded, whenSlow }, snapshot],
      [this.position.epoch, this.entries.at(-1), append.snapshot],
      'the other node receives the appended entry'
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
    if (oldest !== undefined) await this.#storage.restore(this.#channel, oldest)
    this.#model.loseNewest(count)
  }

  async loseAll (): Promise<void> {
    const { epoch } = this.position
    await this.#storage.erase(this.#channel)
    this.#saved = []
    this.#model.loseAll()
    await this.#begin()
    assert.notEqual(this.position.epoch, epoch, 'a new history has a new epoch')
  }

  async end (): Promise<void> {
    this.#router.deleteListener(this.#channel)
    await this.#far.pubsub.unsubscribe(this.#channel)
  }

  /** The first read creates the history and returns its epoch. */
  async #begin (): Promise<void> {
    const { position } = await this.#far.history.read(this.#channel)
    this.#model.epoch = position.epoch
  }
}
