import type { Receiver } from '../adapter.ts'
import { script } from './commands.ts'
import type { Surroundings } from './surroundings.ts'

const revokeScript = script('revoke')

/** Who must not be let in: in Redis, and a copy here that holds while Redis is away and is put back when it has lost its own. */
export class RedisRevocations {
  readonly #around: Surroundings
  readonly #receiver: Pick<Receiver, 'revoked'>
  readonly #known = new Map<string, number>()

  constructor (around: Surroundings, receiver: Pick<Receiver, 'revoked'>) {
    this.#around = around
    this.#receiver = receiver
  }

  async revoke (key: string, until: number): Promise<void> {
    this.#add(key, until)
    await this.#exchange([key, until])
  }

  /** Takes what others revoked. @throws {TypeError | SyntaxError} when it is malformed */
  take (body: Buffer): void {
    const told: unknown = JSON.parse(body.toString())
    if (!Array.isArray(told) || typeof told[0] !== 'string' || !Number.isFinite(Number(told[1]))) throw new TypeError('a revocation without its parts')
    this.#learn(told[0], Number(told[1]))
  }

  /** Tells what we know, and learns what others do. */
  async restore (): Promise<void> {
    for (const [key, until] of this.#known) if (until <= this.#around.clock.now()) this.#known.delete(key)
    await this.#exchange([...this.#known].flat())
  }

  async #exchange (told: ReadonlyArray<string | number>): Promise<void> {
    const keys = [this.#around.keys.shared('revocations'), this.#around.keys.shared('nodes-pubsub')]
    const held = await this.#around.commands.run(revokeScript, keys, [this.#around.clock.now(), ...told]) as string[]
    for (let i = 0; i < held.length; i += 2) this.#learn(held[i] as string, Number(held[i + 1]))
  }

  #learn (key: string, until: number): void {
    if ((this.#known.get(key) ?? 0) >= until) return
    this.#add(key, until)
    this.#receiver.revoked(key, until)
  }

  #add (key: string, until: number): void {
    this.#known.set(key, Math.max(until, this.#known.get(key) ?? 0))
  }
}
