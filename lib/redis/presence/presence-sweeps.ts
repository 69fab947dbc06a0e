import type { Timer } from '../../clock.ts'
import { newEpoch } from '../epoch.ts'
import type { Lease } from '../cluster/lease.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { sweepScript } from './sweep-script.ts'
import { indexedChannelsScript } from './indexed-channels-script.ts'
import { forgetIncarnationScript } from './forget-incarnation-script.ts'


/** Entries that are removed in one step. */
const portion = 500
/** Milliseconds that the graces get which a swept incarnation would have ended. */
const remainingGrace = 3_000

/** What others left: the entries of incarnations that are dead, and graces that are over. */
export class PresenceSweeps {
  readonly #around: RedisDeps
  readonly #lease: Lease
  readonly #fire: (channel: string) => void
  readonly #graces = new Map<string, Timer>()

  /** `fire`: ends the graces of a channel that are over by now. */
  constructor (around: RedisDeps, lease: Lease, fire: (channel: string) => void) {
    this.#around = around
    this.#lease = lease
    this.#fire = fire
  }

  /** Everything that an incarnation left, channel by channel. */
  async all (incarnation: string): Promise<void> {
    const { commands, keys } = this.#around
    const index = this.#lease.indexOf(incarnation)
    const channels = await commands.run(indexedChannelsScript, [index], []) as string[]
    for (const channel of channels) await this.one(channel, incarnation)
    await commands.run(forgetIncarnationScript, [keys.shared('dead'), keys.shared('nodes'), index], [incarnation])
  }

  async one (channel: string, incarnation: string): Promise<void> {
    const { commands, keys, random } = this.#around
    let cursor = '0'
    for (let left = 1; left > 0;) {
      const [next = '0', rest = '0'] = await commands.run(sweepScript, keys.ofPresence(channel, incarnation), [incarnation, cursor, portion, newEpoch(random)]) as string[]
      cursor = next
      left = Number(rest)
    }
    this.fireLater(channel, remainingGrace)
  }

  fireLater (channel: string, grace: number): void {
    const { clock } = this.#around
    clock.clearTimeout(this.#graces.get(channel))
    this.#graces.set(channel, clock.setTimeout(() => {
      this.#graces.delete(channel)
      this.#fire(channel)
    }, grace + 5))
  }

  /** Whether a grace of this channel is to be ended by this node. */
  awaits (channel: string): boolean {
    return this.#graces.has(channel)
  }

  stop (): void {
    for (const timer of this.#graces.values()) this.#around.clock.clearTimeout(timer)
  }
}
