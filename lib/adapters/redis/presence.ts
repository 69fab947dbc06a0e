import type { Timer } from '../../clock.ts'
import type { PresenceChange } from '../../protocol/control.ts'
import type { PresenceClaim, PresenceSnapshot, Receiver } from '../adapter.ts'
import { script } from './commands.ts'
import { Lease, type LeaseTimes } from './lease.ts'
import type { Surroundings } from './surroundings.ts'

const applyScript = script('apply', { include: 'presence-state' })
const sweepScript = script('sweep', { include: 'presence-state' })
const snapshotScript = script('snapshot')
const checkScript = script('check')
const indexScript = script('index')
const sweptScript = script('swept')
const channelsScript = script('channels')
const countScript = script('count')

const page = 1_000
/** Milliseconds between two comparisons of what Redis holds with what it should hold, and how long it holds it without one. */
const checkEvery = 30_000
const lasts = 120_000
/** Milliseconds that the trace of a connection that left is kept, in case its join comes late. */
const traces = 45_000

/** What one connection is, or was, in a channel: the version decides which of two is newer, however late they arrive. */
interface Held extends PresenceClaim { readonly version: number }

/** One change, in the form that apply.lua takes. */
type Change = readonly [kind: '+' | '-' | '!', version: number | '', connection: string, userOrGrace: string | number, data: string]

interface Batch { readonly changes: Change[], readonly outcome: Promise<void> }

/**
 * Who is in which channel. What this node's connections hold is here, and Redis is brought to agree with it: by each change as it happens, and
 * after anything that may have lost some, by all of it.
 */
export class RedisPresence {
  readonly lease: Lease
  readonly #around: Surroundings
  readonly #receiver: Pick<Receiver, 'presence'>
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #graces = new Map<string, Timer>()
  #batches = new Map<string, Batch>()
  /** Channels that this incarnation's index names. */
  #indexed = new Set<string>()
  #version = 0
  #timer: Timer
  #over = false

  /** `begun`: under a new lease whatever this node holds must be said anew. */
  constructor (around: Surroundings, receiver: Pick<Receiver, 'presence'>, times: LeaseTimes, begun: () => void) {
    this.#around = around
    this.#receiver = receiver
    this.lease = new Lease(around, times, {
      begun: (before) => {
        this.#indexed = new Set()
        begun()
        this.#quietly(this.#reconcile().then(() => before === '' ? undefined : this.#sweepAll(before)))
      },
      sweep: (incarnation) => this.#quietly(this.#sweepAll(incarnation))
    })
    this.#checkLater()
  }

  /** Redis is there, or there again, and may have lost anything. */
  async restore (): Promise<void> {
    await this.lease.renew()
    this.#quietly(this.#reconcile())
  }

  /** Resolves though Redis is away: it is told when it is back. */
  async enter (channel: string, claim: PresenceClaim): Promise<void> {
    const held = this.#held.get(channel) ?? new Map<string, Held>()
    if (held.has(claim.connection)) return
    const own = { ...claim, version: this.#nextVersion() }
    this.#held.set(channel, held.set(claim.connection, own))
    await this.#change(channel, entered(own)).catch(() => {})
  }

  async exit (channel: string, connection: string, grace = 0): Promise<void> {
    const held = this.#held.get(channel)
    if (!held?.delete(connection)) return
    if (held.size === 0) this.#held.delete(channel)
    await this.#change(channel, ['-', this.#nextVersion(), connection, grace, ''])
    if (grace > 0) this.#fireLater(channel, grace)
    if (!this.#held.has(channel)) await this.#unindex(channel)
  }

  /** While Redis is away: who is here. */
  async present (channel: string): Promise<PresenceSnapshot> {
    try {
      return await this.#snapshot(channel)
    } catch {
      const held = [...this.#held.get(channel)?.values() ?? []]
      return { epoch: '', sequence: 0, entries: [...new Map(held.map(({ user, data }) => [user, { user, data }])).values()] }
    }
  }

  /** Takes published changes. @throws {TypeError | SyntaxError} when they are malformed */
  take (channel: string, body: Buffer): void {
    const message: unknown = JSON.parse(body.toString())
    if (!isMessage(message)) throw new TypeError('a change of presence without its parts')
    const [epoch, first, changes] = message
    const told = changes.map(changeOf)
    for (const [i, change] of told.entries()) this.#receiver.presence(channel, { epoch, sequence: first + i }, change)
  }

  async count (channel: string): Promise<number> {
    return await this.#around.commands.run(countScript, [this.#around.keys.ofChannel(channel, 'data')], []) as number
  }

  /** Takes all connections out. Graces that run are left to other nodes. */
  async close (): Promise<void> {
    this.#over = true
    this.#around.clock.clearTimeout(this.#timer)
    for (const timer of this.#graces.values()) this.#around.clock.clearTimeout(timer)
    const graceful = new Set([...this.#graces.keys()])
    await Promise.allSettled([...this.#held].flatMap(([channel, held]) => [...held.keys()].map(async (connection) => {
      await this.#change(channel, ['-', this.#nextVersion(), connection, 0, ''])
      if (!graceful.has(channel)) await this.#unindex(channel)
    })))
    this.#held.clear()
    await this.lease.resign()
  }

  /** Page by page: changes in between are published, and have higher numbers than the first page. */
  async #snapshot (channel: string): Promise<PresenceSnapshot> {
    const users = new Map<string, unknown>()
    const keys = [this.#around.keys.ofChannel(channel, 'presence'), this.#around.keys.ofChannel(channel, 'data')]
    let head: readonly string[] | undefined
    let cursor: string | undefined
    while (cursor !== '0') {
      const [epoch = '', sequence = '0', next, ...found] = await this.#around.commands.run(snapshotScript, keys, [cursor ?? '0', page]) as string[]
      head ??= [epoch, sequence]
      cursor = next
      for (let i = 0; i < found.length; i += 2) users.set(found[i] as string, JSON.parse(found[i + 1] as string))
    }
    return { epoch: head?.[0] as string, sequence: Number(head?.[1]), entries: [...users].map(([user, data]) => ({ user, data })) }
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
    if (!this.#indexed.has(channel)) {
      const indexed = await this.#runIndex(incarnation, channel, '+')
      if (indexed === 'dead') return await this.lease.renew()
      this.#indexed.add(channel)
    }
    const outcome = await this.#around.commands.run(applyScript, this.#keys(channel, incarnation), [incarnation, this.lease.validUntil, this.#newEpoch(), ...changes.flat()])
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
    const before = this.#version
    const oldest = (this.#around.clock.now() - traces) * 1_000
    const [incarnations, connections] = await this.#around.commands.run(checkScript, this.#keys(channel, incarnation).slice(0, 6), [lasts, oldest]) as [string[], string[]]
    const held = this.#held.get(channel) ?? new Map<string, Held>()
    const missing = [...held.values()].filter(({ connection, version }) => version <= before && !connections.includes(connection))
    const ghosts = connections.filter((connection) => !held.has(connection))
    const changes = [...missing.map(entered), ...ghosts.map((connection): Change => ['-', this.#nextVersion(), connection, 0, ''])]
    // Redis may have lost the index as well.
    this.#indexed.delete(channel)
    await this.#apply(channel, changes)
    for (const other of incarnations) if (!this.lease.live.has(other)) await this.#sweep(channel, other)
  }

  #checkLater (): void {
    this.#timer = this.#around.clock.setTimeout(() => {
      this.#quietly(this.#reconcile())
      this.#checkLater()
    }, checkEvery)
  }

  /** Everything that an incarnation left, channel by channel. */
  async #sweepAll (incarnation: string): Promise<void> {
    const index = this.lease.indexOf(incarnation)
    const channels = await this.#around.commands.run(channelsScript, [index], []) as string[]
    for (const channel of channels) await this.#sweep(channel, incarnation)
    await this.#around.commands.run(sweptScript, [this.#around.keys.shared('dead'), this.#around.keys.shared('nodes'), index], [incarnation])
  }

  async #sweep (channel: string, incarnation: string): Promise<void> {
    let cursor = '0'
    for (let left = 1; left > 0;) {
      const [next = '0', rest = '0'] = await this.#around.commands.run(sweepScript, this.#keys(channel, incarnation), [incarnation, cursor, 500, this.#newEpoch()]) as string[]
      cursor = next
      left = Number(rest)
    }
    // The graces that it would have fired.
    this.#fireLater(channel, 3_000)
  }

  #fireLater (channel: string, grace: number): void {
    const { clock } = this.#around
    clock.clearTimeout(this.#graces.get(channel))
    this.#graces.set(channel, clock.setTimeout(() => {
      this.#graces.delete(channel)
      this.#quietly(this.#change(channel, ['!', '', '', '', '']))
    }, grace + 5))
  }

  async #unindex (channel: string): Promise<void> {
    if (this.#graces.has(channel)) return
    this.#indexed.delete(channel)
    await this.#runIndex(this.lease.incarnation, channel, '-')
  }

  #runIndex (incarnation: string, channel: string, sign: '+' | '-'): Promise<unknown> {
    const keys = [this.#around.keys.shared('live'), this.lease.indexOf(incarnation)]
    return this.#around.commands.run(indexScript, keys, [incarnation, channel, this.#nextVersion(), sign])
  }

  #keys (channel: string, incarnation: string): string[] {
    return ['presence', 'refs', 'data', 'graces', 'incarnations', `entries:${incarnation}`, `dead:${incarnation}`, 'pubsub']
      .map((part) => this.#around.keys.ofChannel(channel, part))
  }

  /** About the time in microseconds, and always more than before. */
  #nextVersion (): number {
    this.#version = Math.max(this.#version + 1, this.#around.clock.now() * 1_000)
    return this.#version
  }

  #newEpoch (): string {
    return this.#around.random().toString(36).slice(2, 12)
  }

  /** What Redis misses now it is told with the next check. */
  #quietly (outcome: Promise<unknown>): void {
    outcome.catch((err) => { if (!this.#over) this.#around.log.warn({ err }, 'presence could not be brought up to date') })
  }
}

function entered ({ version, connection, user, data }: Held): Change {
  return ['+', version, connection, user, JSON.stringify(data ?? null)]
}

type Told = readonly [kind: '+' | '-' | '~', user: string, data?: string]

function isMessage (value: unknown): value is readonly [epoch: string, first: number, changes: readonly Told[]] {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && Array.isArray(value[2]) && value[2].every(isTold)
}

function isTold (value: unknown): value is Told {
  if (!Array.isArray(value) || typeof value[1] !== 'string') return false
  return value[0] === '-' || (['+', '~'].includes(value[0] as string) && typeof value[2] === 'string')
}

function changeOf ([kind, user, data]: Told): PresenceChange {
  if (kind === '-') return { left: [user] }
  const entry = { user, data: JSON.parse(data as string) as unknown }
  return kind === '+' ? { joined: [entry] } : { updated: [entry] }
}
