import type { Timer } from '../../clock.ts'
import type { AdapterEvents } from '../../cluster/events.ts'
import type { PresenceEntryRequest, PresenceList } from '../../cluster/presence.ts'
import { newEpoch } from '../epoch.ts'
import { Lease, type LeaseTimes } from '../cluster/lease.ts'
import { readChanges } from './presence-changes.ts'
import { PresenceIndex } from './presence-index.ts'
import { readCount, readList } from './presence-reads.ts'
import { PresenceSweeps } from './presence-sweeps.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { Versions } from './versions.ts'
import { applyScript } from './apply-script.ts'
import { checkEntriesScript } from './check-entries-script.ts'


/** Milliseconds between two comparisons of what Redis holds with what it should hold, and how long it holds it without one. */
const checkEvery = 30_000
const lasts = 120_000
/** Milliseconds that the trace of a connection that left is kept, in case its join comes late. */
const traces = 45_000

/** What one connection is, or was, in a channel: the version decides which of two is newer, however late they arrive. */
interface Held extends PresenceEntryRequest { readonly version: number }

/** One change, in the form that apply.lua takes. */
type Change = readonly [kind: '+' | '-' | '!', version: number | '', connection: string, userOrGrace: string | number, data: string]

interface Batch { readonly changes: Change[], readonly outcome: Promise<void> }

/**
 * Who is in which channel. What this node's connections hold is here, and Redis is brought to agree with it: by each change as it happens, and
 * after anything that may have lost some, by all of it.
 */
export class RedisPresence {
  readonly lease: Lease
  readonly #around: RedisDeps
  readonly #receiver: Pick<AdapterEvents, 'presenceChanged'>
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #versions: Versions
  readonly #index: PresenceIndex
  readonly #sweeps: PresenceSweeps
  #batches = new Map<string, Batch>()
  #timer: Timer
  #over = false

  /** `begun`: under a new lease whatever this node holds must be said anew. */
  constructor (around: RedisDeps, receiver: Pick<AdapterEvents, 'presenceChanged'>, times: LeaseTimes, begun: () => void) {
    this.#around = around
    this.#receiver = receiver
    this.#versions = new Versions(around.clock)
    this.lease = new Lease(around, times, {
      begun: (before) => {
        this.#index.reset()
        begun()
        this.#quietly(this.#reconcile().then(() => before === '' ? undefined : this.#sweeps.all(before)))
      },
      sweep: (incarnation) => this.#quietly(this.#sweeps.all(incarnation))
    })
    this.#index = new PresenceIndex(around, this.lease, this.#versions)
    this.#sweeps = new PresenceSweeps(around, this.lease, (channel) => this.#quietly(this.#endGraces(channel)))
    this.#checkLater()
  }

  /** Redis is there, or there again, and may have lost anything. */
  async restore (): Promise<void> {
    await this.lease.renew()
    this.#quietly(this.#reconcile())
  }

  /** Resolves though Redis is away: it is told when it is back. */
  async enter (channel: string, claim: PresenceEntryRequest): Promise<void> {
    const held = this.#held.get(channel) ?? new Map<string, Held>()
    if (held.has(claim.connection)) return
    const own = { ...claim, version: this.#versions.next() }
    this.#held.set(channel, held.set(claim.connection, own))
    await this.#change(channel, entered(own)).catch(() => {})
  }

  async exit (channel: string, connection: string, grace = 0): Promise<void> {
    const held = this.#held.get(channel)
    if (!held?.delete(connection)) return
    if (held.size === 0) this.#held.delete(channel)
    await this.#change(channel, ['-', this.#versions.next(), connection, grace, ''])
    if (grace > 0) this.#sweeps.fireLater(channel, grace)
    if (!this.#held.has(channel)) await this.#unindex(channel)
  }

  /** While Redis is away: who is here. */
  async present (channel: string): Promise<PresenceList> {
    try {
      return await readList(this.#around, channel)
    } catch {
      const held = [...this.#held.get(channel)?.values() ?? []]
      return { epoch: '', sequence: 0, entries: [...new Map(held.map(({ user, data }) => [user, { user, data }])).values()] }
    }
  }

  /** Takes published changes. @throws {TypeError | SyntaxError} when they are malformed */
  take (channel: string, body: Buffer): void {
    const { epoch, first, changes } = readChanges(body)
    for (const [i, change] of changes.entries()) this.#receiver.presenceChanged(channel, { epoch, sequence: first + i }, change)
  }

  count (channel: string): Promise<number> {
    return readCount(this.#around, channel)
  }

  /** Takes all connections out. Graces that run are left to other nodes. */
  async close (): Promise<void> {
    this.#over = true
    this.#around.clock.clearTimeout(this.#timer)
    this.#sweeps.stop()
    await Promise.allSettled([...this.#held].flatMap(([channel, held]) => [...held.keys()].map(async (connection) => {
      await this.#change(channel, ['-', this.#versions.next(), connection, 0, ''])
      await this.#unindex(channel)
    })))
    this.#held.clear()
    await this.lease.resign()
  }

  /** Changes of one turn and channel travel together. */
  #change (channel: string, change: Change): Promise<void> {
    const known = this.#batches.get(channel)
    if (known) {
      known.changes.push(change)
      return known.outcome
    }
    const changes = [change]
    const outcome = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#batches.delete(channel)
        this.#apply(channel, changes).then(resolve, reject)
      })
    })
    this.#batches.set(channel, { changes, outcome })
    return outcome
  }

  /** The index comes first: what is not in it nobody would sweep. */
  async #apply (channel: string, changes: readonly Change[]): Promise<void> {
    const incarnation = await this.lease.current()
    if (!await this.#index.add(incarnation, channel)) return await this.lease.renew()
    const outcome = await this.#around.commands.run(applyScript, this.#around.keys.ofPresence(channel, incarnation), [incarnation, this.lease.validUntil, newEpoch(this.#around.random), ...changes.flat()])
    // Whatever is missing then is said again under a new lease, or the renewed one.
    if (outcome !== 'done') await this.lease.renew()
    if (outcome === 'stale') await this.#reconcile()
  }

  /** Brings Redis to agree with us about every channel. */
  async #reconcile (): Promise<void> {
    for (const channel of [...this.#held.keys()]) await this.#check(channel)
  }

  async #check (channel: string): Promise<void> {
    const { incarnation } = this.lease
    const before = this.#versions.last
    const oldest = (this.#around.clock.now() - traces) * 1_000
    const [incarnations, connections] = await this.#around.commands.run(checkEntriesScript, this.#around.keys.ofPresence(channel, incarnation).slice(0, 6), [lasts, oldest]) as [string[], string[]]
    const held = this.#held.get(channel) ?? new Map<string, Held>()
    const missing = [...held.values()].filter(({ connection, version }) => version <= before && !connections.includes(connection))
    const ghosts = connections.filter((connection) => !held.has(connection))
    const changes = [...missing.map(entered), ...ghosts.map((connection): Change => ['-', this.#versions.next(), connection, 0, ''])]
    this.#index.doubt(channel)
    await this.#apply(channel, changes)
    for (const other of incarnations) if (!this.lease.live.has(other)) await this.#sweeps.one(channel, other)
  }

  #checkLater (): void {
    this.#timer = this.#around.clock.setTimeout(() => {
      this.#quietly(this.#reconcile())
      this.#checkLater()
    }, checkEvery)
  }

  /** Whoever has nobody left there keeps nothing in its index either. */
  async #endGraces (channel: string): Promise<void> {
    await this.#change(channel, ['!', '', '', '', ''])
    if (!this.#held.has(channel)) await this.#unindex(channel)
  }

  async #unindex (channel: string): Promise<void> {
    if (!this.#sweeps.awaits(channel)) await this.#index.remove(channel)
  }

  /** What Redis misses now it is told with the next check. */
  #quietly (outcome: Promise<unknown>): void {
    outcome.catch((err) => { if (!this.#over) this.#around.log.warn({ err }, 'presence could not be brought up to date') })
  }
}

function entered ({ version, connection, user, data }: Held): Change {
  return ['+', version, connection, user, JSON.stringify(data ?? null)]
}
