import type { Redis } from 'ioredis'

/** Subscriptions that are asked for at once. */
const batch = 500

export interface SubscriberEvents {
  message (name: string, message: Buffer): void
  /** All that is wanted is subscribed, for the first time or again: what came in between is missed. */
  up (): void
  down (): void
}

/**
 * The subscriptions on one master: a wanted set, restored on every connection before it counts as up. The client library restores
 * nothing: its own way of doing that ends the process on a second cut.
 */
export class Subscriber {
  readonly #redis: Redis
  readonly #events: SubscriberEvents
  readonly #wanted = new Set<string>()
  #isUp = false

  constructor (redis: Redis, events: SubscriberEvents) {
    this.#redis = redis
    this.#events = events
    redis.on('smessageBuffer', (name: Buffer, message: Buffer) => events.message(name.toString(), message))
    redis.on('ready', () => { this.#restore().catch(() => redis.disconnect(true)) })
    redis.on('close', () => this.#fall())
    redis.connect().catch(() => {})
  }

  get isUp (): boolean {
    return this.#isUp
  }

  /** Rejects, and wants it no more, when Redis refuses; where it is away the subscription is made as soon as it is back. */
  async add (name: string): Promise<void> {
    this.#wanted.add(name)
    if (!this.#isUp) return
    try {
      await this.#redis.ssubscribe(name)
    } catch (error) {
      // Lost with the connection: `restore` makes it.
      if (!this.#isUp) return
      this.#wanted.delete(name)
      throw error
    }
  }

  async delete (name: string): Promise<void> {
    this.#wanted.delete(name)
    if (this.#isUp) await this.#redis.sunsubscribe(name)
  }

  /** Begins anew: the connection is not what it seems. */
  reconnect (): void {
    this.#redis.disconnect(true)
  }

  close (): void {
    this.#redis.disconnect()
  }

  /** What is wanted may grow meanwhile: until nothing is left. */
  async #restore (): Promise<void> {
    const done = new Set<string>()
    for (let open = [...this.#wanted]; open.length > 0; open = [...this.#wanted].filter((name) => !done.has(name))) {
      await Promise.all(open.slice(0, batch).map((name) => this.#redis.ssubscribe(name)))
      for (const name of open.slice(0, batch)) done.add(name)
    }
    this.#isUp = true
    this.#events.up()
  }

  #fall (): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#events.down()
  }
}
