import type { RedisDeps } from '../redis-deps.ts'
import { hasRevocationsScript, revokeScript } from './nodes-scripts.ts'

/** Revocations that one script call writes: more would block Redis for too long. */
const pageSize = 1_000

/** One revocation. */
interface Known {
  /** Its end in milliseconds of this machine's clock. */
  readonly until: number
  /** Its end in milliseconds of Redis's clock. Undefined until Redis has it. */
  readonly end?: number
}

/**
 * Revoked users and tokens: in Redis, with a copy in this node. The copy is used while Redis is unreachable, and
 * written back when Redis has lost its data. Redis has the ends by its own clock, because the clocks of nodes differ.
 */
export class RedisRevocations {
  readonly #deps: RedisDeps
  readonly #known = new Map<string, Known>()
  /** Ended ones are removed at this size: twice what the last removal left, so that each revocation costs the same. */
  #sweepSize = pageSize

  constructor (deps: RedisDeps) {
    this.#deps = deps
  }

  get size (): number {
    return this.#known.size
  }

  /** `until`: milliseconds of this machine's clock. */
  async revoke (key: string, until: number): Promise<void> {
    const before = this.#known.get(key)
    const known = before && before.until >= until ? before : { until }
    this.#add(key, known)
    await this.#writeBack([[key, known]])
  }

  /** Receives a revocation. @throws {TypeError | SyntaxError} when it is malformed */
  receive (body: Buffer): void {
    const parts: unknown = JSON.parse(body.toString())
    if (!Array.isArray(parts) || parts.length !== 4) throw new TypeError('a revocation without its parts')
    const [node, key, end, now] = [parts[0] as unknown, parts[1] as unknown, Number(parts[2]), Number(parts[3])]
    if (typeof node !== 'string' || typeof key !== 'string' || !Number.isFinite(end) || !Number.isFinite(now)) {
      throw new TypeError('a revocation with a wrong part')
    }
    if (node !== this.#deps.nodeId) this.#learn(key, end, now)
  }

  /** Writes what this node knows if Redis has lost it, for example because it evicted the key. */
  async check (): Promise<void> {
    this.#removeEnded()
    if (this.#known.size === 0) return
    const { scripts, keys } = this.#deps
    if (await scripts.run(hasRevocationsScript, [keys.shared('revocations')], []) === 0) await this.restore()
  }

  /** Writes what this node knows, and reads what the others know. */
  async restore (): Promise<void> {
    this.#removeEnded()
    const known = [...this.#known]
    for (let i = 0; i < known.length; i += pageSize) await this.#writeBack(known.slice(i, i + pageSize))
    const { now, ends } = await this.#run('all', [])
    for (const [key, end] of ends) this.#learn(key, end, now)
  }

  async #writeBack (revocations: ReadonlyArray<readonly [key: string, Known]>): Promise<void> {
    const now = this.#deps.clock.now()
    const args = revocations.flatMap(([key, { until, end = '' }]) => [key, end, until - now])
    const { ends } = await this.#run('', args)
    for (const [key, known] of revocations) {
      // Meanwhile the user may have been revoked for longer.
      if (this.#known.get(key) === known) this.#known.set(key, { ...known, end: ends.get(key) as number })
    }
  }

  async #run (
    wanted: 'all' | '', revocations: ReadonlyArray<string | number>
  ): Promise<{ readonly now: number, readonly ends: ReadonlyMap<string, number> }> {
    const { scripts, keys, nodeId } = this.#deps
    const names = [keys.shared('revocations'), keys.shared('nodes-pubsub')]
    const [now, ...parts] = await scripts.run(revokeScript, names, [nodeId, wanted, ...revocations]) as string[]
    const ends = new Map<string, number>()
    for (let i = 0; i < parts.length; i += 2) ends.set(parts[i] as string, Number(parts[i + 1]))
    return { now: Number(now), ends }
  }

  /** `end` and `now` are milliseconds of Redis's clock. */
  #learn (key: string, end: number, now: number): void {
    const until = this.#deps.clock.now() + end - now
    const known = this.#known.get(key)
    if (known && (known.end === undefined ? known.until >= until : known.end >= end)) return
    this.#add(key, { until, end })
    this.#deps.events.revoked(key, until)
  }

  #add (key: string, known: Known): void {
    this.#known.set(key, known)
    if (this.#known.size > this.#sweepSize) this.#removeEnded()
  }

  #removeEnded (): void {
    for (const [key, { until }] of this.#known) if (until <= this.#deps.clock.now()) this.#known.delete(key)
    this.#sweepSize = Math.max(pageSize, 2 * this.#known.size)
  }
}
