import type { AdapterEvents } from '../../cluster/events.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { revokeScript } from './revoke-script.ts'


/** So many are told in one step: a crowd must not hold Redis up. */
const page = 1_000

/** Who must not be let in: in Redis, and a copy here that holds while Redis is away and is put back when it has lost its own. */
export class RedisRevocations {
  readonly #around: RedisDeps
  readonly #receiver: Pick<AdapterEvents, 'revoked'>
  readonly #known = new Map<string, number>()
  /** How many it takes until those that are over are looked for: twice as many as were left the last time, so that each costs the same. */
  #enough = page

  constructor (around: RedisDeps, receiver: Pick<AdapterEvents, 'revoked'>) {
    this.#around = around
    this.#receiver = receiver
  }

  get size (): number {
    return this.#known.size
  }

  async revoke (key: string, until: number): Promise<void> {
    this.#add(key, until)
    await this.#tell([key, until])
  }

  /** Takes what others revoked. @throws {TypeError | SyntaxError} when it is malformed */
  take (body: Buffer): void {
    const told: unknown = JSON.parse(body.toString())
    if (!Array.isArray(told) || typeof told[0] !== 'string' || !Number.isFinite(Number(told[1]))) throw new TypeError('a revocation without its parts')
    this.#learn(told[0], Number(told[1]))
  }

  /** Tells what we know, and learns what others do. */
  async restore (): Promise<void> {
    this.#sweep()
    const known = [...this.#known]
    for (let i = 0; i < known.length; i += page) await this.#tell(known.slice(i, i + page).flat())
    const held = await this.#tell([], 'all')
    for (let i = 0; i < held.length; i += 2) this.#learn(held[i] as string, Number(held[i + 1]))
  }

  async #tell (told: ReadonlyArray<string | number>, wanted: 'all' | '' = ''): Promise<string[]> {
    const keys = [this.#around.keys.shared('revocations'), this.#around.keys.shared('nodes-pubsub')]
    return await this.#around.commands.run(revokeScript, keys, [this.#around.clock.now(), wanted, ...told]) as string[]
  }

  #learn (key: string, until: number): void {
    if ((this.#known.get(key) ?? 0) >= until) return
    this.#add(key, until)
    this.#receiver.revoked(key, until)
  }

  #add (key: string, until: number): void {
    this.#known.set(key, Math.max(until, this.#known.get(key) ?? 0))
    if (this.#known.size > this.#enough) this.#sweep()
  }

  #sweep (): void {
    for (const [key, until] of this.#known) if (until <= this.#around.clock.now()) this.#known.delete(key)
    this.#enough = Math.max(page, 2 * this.#known.size)
  }
}
