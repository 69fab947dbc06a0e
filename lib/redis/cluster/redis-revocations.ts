import type { RedisDeps } from '../redis-deps.ts'
import { revokeScript } from './nodes-scripts.ts'

/** Revocations that one script call writes: more would block Redis for too long. */
const pageSize = 1_000

/**
 * Revoked users and tokens: in Redis, with a copy in this node. The copy is used while Redis is unreachable, and
 * written back when Redis has lost its data.
 */
export class RedisRevocations {
  readonly #deps: RedisDeps
  /** When each revocation ends, in milliseconds since 1970. */
  readonly #known = new Map<string, number>()
  /** Ended ones are removed at this size: twice what the last removal left, so that each revocation costs the same. */
  #sweepSize = pageSize

  constructor (deps: RedisDeps) {
    this.#deps = deps
  }

  get size (): number {
    return this.#known.size
  }

  async revoke (key: string, until: number): Promise<void> {
    this.#add(key, until)
    await this.#write([key, until])
  }

  /** Receives the revocation of another node. @throws {TypeError | SyntaxError} when it is malformed */
  receive (body: Buffer): void {
    const parts: unknown = JSON.parse(body.toString())
    if (!Array.isArray(parts) || typeof parts[0] !== 'string' || !Number.isFinite(Number(parts[1]))) {
      throw new TypeError('a revocation without its parts')
    }
    this.#learn(parts[0], Number(parts[1]))
  }

  /** Writes what this node knows, and reads what the others know. */
  async restore (): Promise<void> {
    this.#removeEnded()
    const known = [...this.#known]
    for (let i = 0; i < known.length; i += pageSize) await this.#write(known.slice(i, i + pageSize).flat())
    const stored = await this.#write([], 'all')
    for (let i = 0; i < stored.length; i += 2) this.#learn(stored[i] as string, Number(stored[i + 1]))
  }

  async #write (revocations: ReadonlyArray<string | number>, wanted: 'all' | '' = ''): Promise<string[]> {
    const { scripts, keys, clock } = this.#deps
    const names = [keys.shared('revocations'), keys.shared('nodes-pubsub')]
    return await scripts.run(revokeScript, names, [clock.now(), wanted, ...revocations]) as string[]
  }

  #learn (key: string, until: number): void {
    if ((this.#known.get(key) ?? 0) >= until) return
    this.#add(key, until)
    this.#deps.events.revoked(key, until)
  }

  #add (key: string, until: number): void {
    this.#known.set(key, Math.max(until, this.#known.get(key) ?? 0))
    if (this.#known.size > this.#sweepSize) this.#removeEnded()
  }

  #removeEnded (): void {
    for (const [key, until] of this.#known) if (until <= this.#deps.clock.now()) this.#known.delete(key)
    this.#sweepSize = Math.max(pageSize, 2 * this.#known.size)
  }
}
