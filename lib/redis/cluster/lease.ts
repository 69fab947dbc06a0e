import type { Timer } from '../../clock.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { RedisUnavailable } from '../script-runner.ts'
import { renewScript } from './renew-script.ts'
import { resignScript } from './resign-script.ts'

/** Receives what a renewal brings. The lease belongs to the adapter; its parts subscribe to it. */
export interface LeaseListener {
  /**
   * A new incarnation began, and Redis has nothing of this node under it yet. `before`: the incarnation that was
   * declared dead, '' for a first lease.
   */
  began (before: string): void
  /** The lease was renewed under the same incarnation, so Redis can be reached. */
  renewed? (): void
  /** This node has to remove what a dead incarnation left behind. */
  sweep? (incarnation: string): void
}

/** What a renewal replies. */
interface Renewal {
  readonly incarnation: string
  /** A dead incarnation to sweep, or ''. */
  readonly sweep: string
  /** Milliseconds until the next lease of another node expires. */
  readonly soonestMs: number
  /** Milliseconds since 1970, by Redis's clock. */
  readonly now: number
  readonly live: ReadonlyMap<string, string>
}

/**
 * Shows that this node is alive. Another node declares it dead when the lease has expired; its connections then leave
 * the presence lists. A node that only slept begins a new incarnation and enters them again.
 */
export class Lease {
  readonly #deps: RedisDeps
  readonly #listeners: LeaseListener[] = []
  #incarnation = ''
  /** By Redis's clock, because this machine's clock may differ. */
  #renewedAt = 0
  #live: ReadonlyMap<string, string> = new Map()
  #soonestExpiry = 0
  #timer: Timer
  #renewing: Promise<void> | undefined
  #isClosed = false

  constructor (deps: RedisDeps) {
    this.#deps = deps
  }

  /** '' before the first lease. */
  get incarnation (): string {
    return this.#incarnation
  }

  /** Until when, in milliseconds of Redis's clock, a write under this lease is accepted. */
  get validUntil (): number {
    const { leaseTtlMs, lateWriteToleranceMs } = this.#deps.timings
    return this.#renewedAt + leaseTtlMs + lateWriteToleranceMs
  }

  /** Every live incarnation, this one included, with its node: as of the last renewal. */
  get live (): ReadonlyMap<string, string> {
    return this.#live
  }

  /** The newest incarnation of that view; '' before the first lease. A greater one may have begun since. */
  get newest (): string {
    return [...this.#live.keys()].reduce((newest, other) => Number(other) > Number(newest) ? other : newest, '')
  }

  /** Milliseconds until the next lease of another node expires, unless it is renewed. */
  get soonestExpiryMs (): number {
    return this.#soonestExpiry - this.#deps.clock.now()
  }

  subscribe (listener: LeaseListener): void {
    this.#listeners.push(listener)
  }

  /** Whether an incarnation is dead for certain: not live, and too old to have begun since the last renewal. */
  isDead (incarnation: string): boolean {
    return !this.#live.has(incarnation) && Number(incarnation) < Number(this.newest)
  }

  /** The incarnation; of a new lease if there is none. @throws {RedisUnavailable} */
  async requireIncarnation (): Promise<string> {
    if (this.#incarnation === '') await this.renew()
    if (this.#incarnation === '') throw new RedisUnavailable('this node has no lease')
    return this.#incarnation
  }

  /** Renews now, for example after a reconnect; does nothing after `resign`. Never rejects. */
  renew (): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#renewing ??= this.#renewAndSchedule().finally(() => { this.#renewing = undefined })
    return this.#renewing
  }

  /** Ends the lease. Another node sweeps the channels that are still in this incarnation's index. */
  async resign (): Promise<void> {
    this.#isClosed = true
    const { clock, keys, scripts } = this.#deps
    clock.clearTimeout(this.#timer)
    await this.#renewing
    if (this.#incarnation === '') return
    const names = ['live', 'starts', 'dead', 'nodes'].map((part) => keys.shared(part))
    await scripts.run(resignScript, [...names, keys.indexOf(this.#incarnation)], [this.#incarnation])
  }

  async #renewAndSchedule (): Promise<void> {
    const { clock, random, timings: { leaseRenewalMs } } = this.#deps
    clock.clearTimeout(this.#timer)
    let waitMs = leaseRenewalMs
    try {
      const soonestMs = await this.#renew()
      // Jitter of a fifth: the nodes do not all come at once to declare the same one dead.
      waitMs = Math.min(waitMs, soonestMs + random() * leaseRenewalMs / 5)
    } catch {
      // Redis is unreachable: no node is declared dead meanwhile, and the lease is renewed after the reconnect.
    }
    if (!this.#isClosed) this.#timer = clock.setTimeout(() => { this.renew() }, waitMs)
  }

  /** Resolves to the milliseconds until the next lease of another node expires. */
  async #renew (): Promise<number> {
    const before = this.#incarnation
    const renewal = await this.#request(before) ?? await this.#request('') as Renewal
    const { incarnation, sweep, soonestMs, now, live } = renewal
    this.#incarnation = incarnation
    this.#renewedAt = now
    this.#live = live
    this.#soonestExpiry = this.#deps.clock.now() + soonestMs
    for (const listener of this.#listeners) {
      if (incarnation === before) listener.renewed?.()
      else listener.began(before)
    }
    if (sweep !== '') for (const listener of this.#listeners) listener.sweep?.(sweep)
    return soonestMs
  }

  /** Undefined when the incarnation was declared dead, or Redis has lost it. '' requests a new one. */
  async #request (incarnation: string): Promise<Renewal | undefined> {
    const { scripts, keys, nodeId, timings } = this.#deps
    const names = ['live', 'starts', 'dead', 'last', 'nodes'].map((part) => keys.shared(part))
    const reply = await scripts.run(renewScript, names, [incarnation, nodeId, timings.leaseTtlMs]) as string[]
    const [current = '', sweep = '', soonestMs, now, ...live] = reply
    if (current === 'dead') return undefined
    return { incarnation: current, sweep, soonestMs: Number(soonestMs), now: Number(now), live: pairs(live) }
  }
}

function pairs (parts: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (let i = 0; i < parts.length; i += 2) found.set(parts[i] as string, parts[i + 1] as string)
  return found
}
