import type { Redis } from 'ioredis'
import { end, replace } from '../connections.ts'

/**
 * Subscriptions requested at once, so that this node and Redis can serve others in between. They take the event loop
 * about 4 ms.
 */
export const namesPerStep = 100

export interface SubscriberEvents {
  message (name: string, message: Buffer): void
  /** Every wanted name is subscribed, for the first time or again: messages in between were missed. */
  up (): void
  down (): void
}

/**
 * The subscriptions on one master. Every wanted name is subscribed on each connection before it counts as up. The
 * client library restores nothing itself, because its own way ends the process on a second interruption.
 */
export class Subscriber {
  readonly #redis: Redis
  readonly #events: SubscriberEvents
  readonly #wanted = new Set<string>()
  #isUp = false
  #mayHaveLost = false

  constructor (redis: Redis, events: SubscriberEvents) {
    this.#redis = redis
    this.#events = events
    redis.on('smessageBuffer', (name: Buffer, message: Buffer) => events.message(name.toString(), message))
    redis.on('ready', () => { this.#restore().catch(() => replace(redis)) })
    redis.on('close', () => this.#noteClose())
    // Of ioredis: Redis has ended a subscription, or refused one, because the slot is elsewhere.
    redis.on('moved', () => { this.#mayHaveLost = true })
    redis.connect().catch(() => {})
  }

  get isUp (): boolean {
    return this.#isUp
  }

  /** Rejects, and no longer wants the name, when Redis refuses it. After an interruption it is subscribed later. */
  async add (name: string): Promise<void> {
    this.#wanted.add(name)
    if (!this.#isUp) return
    try {
      await this.#redis.ssubscribe(name)
    } catch (error) {
      // Lost with the connection: the next one subscribes to it.
      if (!this.#isUp) return
      this.#wanted.delete(name)
      throw error
    }
  }

  async delete (name: string): Promise<void> {
    this.#wanted.delete(name)
    if (this.#isUp) await this.#redis.sunsubscribe(name)
  }

  /**
   * The names that Redis has ended by itself since the last call. It does so when a slot moves away, and does not begin
   * them again when the slot comes back. ioredis notes what is subscribed, so the other names, perhaps thousands, are
   * left alone.
   */
  takeLosses (): string[] {
    if (!this.#mayHaveLost || !this.#isUp) return []
    this.#mayHaveLost = false
    const { subscriber } = this.#redis.condition as NonNullable<Redis['condition']>
    const subscribed = new Set(subscriber ? subscriber.channels('ssubscribe') : [])
    return [...this.#wanted].filter((name) => !subscribed.has(name))
  }

  /** Replaces the connection: it is dead though it seems open. */
  reconnect (): void {
    replace(this.#redis)
  }

  close (): void {
    end(this.#redis)
  }

  /** Repeats until nothing is open, because names may be added meanwhile. */
  async #restore (): Promise<void> {
    const done = new Set<string>()
    for (let open = [...this.#wanted]; open.length > 0; open = [...this.#wanted].filter((name) => !done.has(name))) {
      for (let i = 0; i < open.length; i += namesPerStep) {
        const batch = open.slice(i, i + namesPerStep)
        await Promise.all(batch.map((name) => this.#redis.ssubscribe(name)))
        for (const name of batch) done.add(name)
      }
    }
    this.#isUp = true
    this.#events.up()
  }

  #noteClose (): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#events.down()
  }
}
