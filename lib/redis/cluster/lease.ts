import type { Timer } from '../../clock.ts'
import { RedisUnavailable } from '../commands.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { renewScript } from './renew-script.ts'
import { resignScript } from './resign-script.ts'


/** Milliseconds between two renewals, and until a lease that is not renewed is over. */
export interface LeaseTimes {
  readonly renew: number
  readonly expire: number
}

export const leaseTimes: LeaseTimes = { renew: 5_000, expire: 15_000 }

export interface LeaseEvents {
  /** A new incarnation: nothing of this node is known under it yet. `before`: the one declared dead, '' where there was none. */
  begun (before: string): void
  /** This node is to remove what a dead incarnation has left. */
  sweep (incarnation: string): void
}

/**
 * That this node lives, said every few seconds. Whoever stops saying so is declared dead by another node, its members are taken to have left,
 * and if it was only asleep it begins anew under another incarnation.
 */
export class Lease {
  readonly #around: RedisDeps
  readonly #times: LeaseTimes
  readonly #events: LeaseEvents
  #incarnation = ''
  /** In Redis's time: this machine's clock may be another. */
  #renewedAt = 0
  #live: ReadonlyMap<string, string> = new Map()
  /** When the next lease of another node is over, unless that is renewed. */
  #soonestEnd = 0
  #timer: Timer
  #renewing: Promise<void> | undefined
  #over = false

  constructor (around: RedisDeps, times: LeaseTimes, events: LeaseEvents) {
    this.#around = around
    this.#times = times
    this.#events = events
  }

  /** '' before the first lease. */
  get incarnation (): string {
    return this.#incarnation
  }

  /** The incarnation, of a new lease where there is none. @throws {RedisUnavailable} */
  async current (): Promise<string> {
    if (this.#incarnation === '') await this.renew()
    if (this.#incarnation === '') throw new RedisUnavailable('there is no lease')
    return this.#incarnation
  }

  /** Until when, in milliseconds of Redis's time, what is written now may be counted. */
  get validUntil (): number {
    return this.#renewedAt + this.#times.expire + 30_000
  }

  /** Every live incarnation, this one included, with its node: as of the last renewal. */
  get live (): ReadonlyMap<string, string> {
    return this.#live
  }

  /** Milliseconds until the next lease of another node is over, unless that is renewed: a node that is dead is known to be by then. */
  get remaining (): number {
    return this.#soonestEnd - this.#around.clock.now()
  }

  /** Renews now: Redis is there, or there again. Never rejects. */
  renew (): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => { this.#renewing = undefined })
    return this.#renewing
  }

  async resign (): Promise<void> {
    this.#over = true
    this.#around.clock.clearTimeout(this.#timer)
    await this.#renewing
    if (this.#incarnation === '') return
    const keys = [...['live', 'starts', 'dead', 'nodes'].map((part) => this.#around.keys.shared(part)), this.indexOf(this.#incarnation)]
    await this.#around.commands.run(resignScript, keys, [this.#incarnation])
  }

  /** The key of the channels of an incarnation. */
  indexOf (incarnation: string): string {
    return this.#around.keys.shared(`index:${incarnation}`)
  }

  async #renew (): Promise<void> {
    const { clock, random } = this.#around
    clock.clearTimeout(this.#timer)
    let wait = this.#times.renew
    try {
      const soonest = await this.#ask()
      wait = Math.min(wait, soonest + random() * this.#times.renew / 5)
    } catch {
      // Redis is away: nobody is declared dead meanwhile, and whoever notices that it is back renews.
    }
    if (!this.#over) this.#timer = clock.setTimeout(() => { this.renew() }, wait)
  }

  /** Resolves to the milliseconds until another lease expires. */
  async #ask (before = this.#incarnation): Promise<number> {
    const [incarnation = '', sweep = '', soonest, now, ...live] = await this.#run() as [string, string, number, string, ...string[]]
    if (incarnation === 'dead') {
      this.#incarnation = ''
      return this.#ask(before)
    }
    const isNew = this.#incarnation === ''
    this.#incarnation = incarnation
    this.#renewedAt = Number(now)
    this.#live = pairs(live)
    this.#soonestEnd = this.#around.clock.now() + soonest
    if (isNew) this.#events.begun(before)
    if (sweep !== '') this.#events.sweep(sweep)
    return soonest
  }

  #run (): Promise<unknown> {
    const keys = ['live', 'starts', 'dead', 'last', 'nodes'].map((part) => this.#around.keys.shared(part))
    return this.#around.commands.run(renewScript, keys, [this.#incarnation, this.#around.node, this.#times.expire])
  }
}

function pairs (parts: readonly string[]): Map<string, string> {
  return new Map(Array.from({ length: parts.length / 2 }, (_, i) => [parts[2 * i] as string, parts[2 * i + 1] as string]))
}
