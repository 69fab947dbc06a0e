import type { Timer } from '../../clock.ts'
import type { PresenceEntryRequest, PresenceList, PresencePort } from '../../cluster/presence.ts'
import type { Lease } from '../cluster/lease.ts'
import { newEpoch } from '../epoch.ts'
import { readChanges } from '../pubsub/presence-message.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { applyScript } from './apply-script.ts'
import { ChangeBatches, enterChange, Versions, type Change, type LocalEntry } from './change-batches.ts'
import { checkEntriesScript } from './check-entries-script.ts'
import { GraceTimers } from './grace-timers.ts'
import { PresenceIndex } from './presence-index.ts'
import { readCount, readList } from './presence-reads.ts'
import { sweepEntries } from './sweep-entries.ts'

/** The presence lists. This node keeps its own entries, and repairs Redis after an event that may have lost some. */
export class RedisPresence implements PresencePort {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  readonly #local = new Map<string, Map<string, LocalEntry>>()
  readonly #versions: Versions
  readonly #index: PresenceIndex
  readonly #batches: ChangeBatches
  readonly #graces: GraceTimers
  #checkTimer: Timer
  #isClosed = false

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#lease = lease
    this.#versions = new Versions(deps.clock)
    this.#index = new PresenceIndex(deps, lease, this.#versions)
    this.#batches = new ChangeBatches((channel, changes) => this.#apply(channel, changes))
    this.#graces = new GraceTimers(deps.clock, (channel) => this.#endGraces(channel))
    lease.subscribe({
      began: (before) => this.#begin(before),
      renewed: () => this.#runInBackground(this.#checkEach(this.#batches.failedChannels)),
      sweep: (incarnation) => this.#runInBackground(this.#sweep(incarnation))
    })
  }

  /** Compares with Redis from time to time, until `close`. */
  start (): void {
    const { clock, timings } = this.#deps
    this.#checkTimer = clock.setTimeout(() => {
      this.reconcile()
      this.start()
    }, timings.presenceCheckIntervalMs)
  }

  /** Resolves even while Redis is unreachable: the entry is made after the reconnect. */
  async enter (channel: string, entry: PresenceEntryRequest): Promise<void> {
    const local = this.#local.get(channel) ?? new Map<string, LocalEntry>()
    if (local.has(entry.connection)) return
    const own = { ...entry, version: this.#versions.next() }
    this.#local.set(channel, local.set(entry.connection, own))
    await this.#batches.add(channel, enterChange(own)).catch(() => {})
  }

  async exit (channel: string, connectionId: string, graceMs = 0): Promise<void> {
    const local = this.#local.get(channel)
    if (!local?.delete(connectionId)) return
    if (local.size === 0) this.#local.delete(channel)
    // Before the outcome is known, because the grace period may begin in Redis even if the reply is lost.
    if (graceMs > 0) this.#graces.schedule(channel, graceMs)
    await this.#batches.add(channel, this.#exitChange(connectionId, graceMs))
  }

  /** While Redis is unreachable, the list has the users of this node. */
  async list (channel: string): Promise<PresenceList> {
    try {
      return await readList(this.#deps, channel)
    } catch {
      const local = [...this.#local.get(channel)?.values() ?? []]
      const entries = new Map(local.map(({ user, data }) => [user, { user, data }]))
      return { epoch: '', sequence: 0, entries: [...entries.values()] }
    }
  }

  count (channel: string): Promise<number> {
    return readCount(this.#deps, channel)
  }

  /** Reports published changes. @throws {TypeError | SyntaxError} when they are malformed */
  receiveChanges (channel: string, body: Buffer): void {
    const { epoch, first, changes } = readChanges(body)
    for (const [i, change] of changes.entries()) {
      this.#deps.events.presenceChanged(channel, { epoch, sequence: first + i }, change)
    }
  }

  /** Compares every channel with Redis and repairs it, in the background. */
  reconcile (): void {
    this.#runInBackground(this.#checkAll())
  }

  /**
   * Removes all entries of this node. Channels with running grace periods stay in its index, so that the node that
   * sweeps this incarnation takes care of them.
   */
  async close (): Promise<void> {
    this.#isClosed = true
    this.#deps.clock.clearTimeout(this.#checkTimer)
    this.#graces.stop()
    const local = [...this.#local]
    this.#local.clear()
    for (const [channel, entries] of local) {
      for (const connectionId of entries.keys()) {
        this.#batches.add(channel, this.#exitChange(connectionId, 0)).catch(() => {})
      }
    }
    await this.#batches.settle()
  }

  #begin (before: string): void {
    this.#index.reset()
    this.#runInBackground(this.#checkAll().then(() => before === '' ? undefined : this.#sweep(before)))
  }

  /** Resolves to whether Redis has applied the changes. The channel is indexed first, because only then it is swept. */
  async #apply (channel: string, changes: readonly Change[]): Promise<boolean> {
    const { scripts, keys, random, timings } = this.#deps
    const incarnation = await this.#lease.requireIncarnation()
    if (!await this.#index.add(incarnation, channel)) {
      await this.#lease.renew()
      return false
    }
    const args = [incarnation, this.#lease.validUntil, newEpoch(random), timings.presenceTtlMs, ...changes.flat()]
    const names = keys.ofPresence(channel, incarnation)
    const [outcome, nextGrace = ''] = await scripts.run(applyScript, names, args) as string[]
    if (outcome === 'done') {
      await this.#followGraces(incarnation, channel, nextGrace)
      return true
    }
    // A new incarnation enters everything again; under the renewed lease of a stale write, this node does it.
    await this.#lease.renew()
    if (outcome === 'stale') await this.#checkAll()
    return false
  }

  /** Keeps the channel in the index exactly as long as it has entries of this node or running grace periods. */
  async #followGraces (incarnation: string, channel: string, nextGrace: string): Promise<void> {
    this.#graces.schedule(channel, nextGrace === '' ? undefined : Number(nextGrace))
    if (nextGrace !== '') await this.#index.add(incarnation, channel)
    else if (!this.#local.has(channel)) await this.#index.remove(channel)
  }

  /** Repeated until Redis has done it: a grace period that nobody ends would leave its user present for ever. */
  async #endGraces (channel: string): Promise<void> {
    const again = () => this.#graces.schedule(channel, this.#deps.timings.leaseRenewalMs)
    await this.#apply(channel, []).then((isDone) => isDone || again(), again)
  }

  async #checkAll (): Promise<void> {
    await this.#checkEach(new Set([...this.#local.keys(), ...this.#index.channels, ...this.#batches.failedChannels]))
  }

  async #checkEach (channels: Iterable<string>): Promise<void> {
    for (const channel of channels) await this.#check(channel)
  }

  async #check (channel: string): Promise<void> {
    const { scripts, keys, clock, timings } = this.#deps
    const { last } = this.#versions
    const oldestMarker = (clock.now() - timings.exitMarkerTtlMs) * 1_000
    const names = keys.ofPresence(channel, this.#lease.incarnation).slice(4, 6)
    const [incarnations, entered] = await scripts.run(checkEntriesScript, names, [oldestMarker]) as [string[], string[]]
    const local = this.#local.get(channel) ?? new Map<string, LocalEntry>()
    const known = new Set(entered)
    const missing = [...local.values()].filter((own) => own.version <= last && !known.has(own.connection))
    const ghosts = entered.filter((connection) => !local.has(connection)).map((ghost) => [ghost, 0] as const)
    // The whole grace period, because a user cannot return on another node during an outage.
    const exits = [...new Map([...ghosts, ...this.#batches.unconfirmedExits(channel)])]
    this.#index.distrust(channel)
    await this.#batches.repair(channel, [...missing.map(enterChange), ...exits.map((of) => this.#exitChange(...of))])
    for (const other of incarnations) if (this.#lease.isDead(other)) await this.#sweepChannel(channel, other)
  }

  async #sweep (incarnation: string): Promise<void> {
    for (const channel of await this.#index.channelsOf(incarnation)) await this.#sweepChannel(channel, incarnation)
    await this.#index.forgetIncarnation(incarnation)
  }

  /** Takes over the grace periods that the dead node would have ended. @throws {Error} if that failed */
  async #sweepChannel (channel: string, incarnation: string): Promise<void> {
    const hasGraces = await sweepEntries(this.#deps, channel, incarnation)
    if (hasGraces && !await this.#apply(channel, [])) throw new Error('grace periods were not taken over')
  }

  #exitChange (connectionId: string, graceMs: number): Change {
    return ['-', this.#versions.next(), connectionId, graceMs, '']
  }

  #runInBackground (work: Promise<unknown>): void {
    work.catch((err) => {
      if (!this.#isClosed) this.#deps.reportFailure(err, 'presence may be out of date: check the connection to Redis')
    })
  }
}
