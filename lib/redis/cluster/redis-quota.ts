import type { QuotaOutcome } from '../../cluster/quota.ts'
import type { Lease } from './lease.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { reserveScript } from './reserve-script.ts'
import { freeScript } from './free-script.ts'


const lasts = 86_400_000
/** Milliseconds until somebody who found no place is to try again. */
const leastRetry = 1_000
const mostRetry = 15_000

/** The places of users, counted over all live nodes. */
export class RedisQuota {
  readonly #around: RedisDeps
  readonly #lease: Lease
  /** Connection to the user and the incarnation that its place was taken under. */
  readonly #held = new Map<string, { readonly user: string, readonly incarnation: string }>()

  constructor (around: RedisDeps, lease: Lease) {
    this.#around = around
    this.#lease = lease
  }

  /** When full, by what the leases say now: a place is free by then if the node that holds it is dead. */
  async reserve (user: string, connection: string, limit: number): Promise<QuotaOutcome> {
    if (await this.#take(user, connection, limit)) return { granted: true }
    await this.#lease.renew()
    return await this.#take(user, connection, limit) ? { granted: true } : { granted: false, retryAfter: Math.min(Math.max(leastRetry, this.#lease.remaining), mostRetry) }
  }

  async free (user: string, connection: string): Promise<void> {
    const held = this.#held.get(connection)
    this.#held.delete(connection)
    await this.#around.commands.run(freeScript, [this.#key(user)], [connection, this.#lease.incarnation, ...held ? [held.incarnation] : []])
  }

  /** Redis may have lost them, or they were taken under an incarnation that is dead. */
  async restore (): Promise<void> {
    for (const [connection, { user }] of this.#held) await this.#take(user, connection, Number.MAX_SAFE_INTEGER)
  }

  async #take (user: string, connection: string, limit: number): Promise<boolean> {
    const incarnation = await this.#lease.current()
    const { live } = this.#lease
    const known = [...live.keys()].sort((a, b) => Number(a) - Number(b))
    const taken = await this.#around.commands.run(reserveScript, [this.#key(user)], [incarnation, connection, limit, lasts, known.at(-1) as string, ...known])
    if (taken === 1) this.#held.set(connection, { user, incarnation })
    return taken === 1
  }

  #key (user: string): string {
    return this.#around.keys.ofUser(user, 'places')
  }
}
