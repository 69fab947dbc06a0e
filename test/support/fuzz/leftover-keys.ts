import { Redis } from 'ioredis'

/** What presence keeps of a channel while somebody is present. */
const present = /:(presence|refs|data|graces|incarnations|entries:\d+)$/

/** Looks for keys in Redis that nothing needs any more. */
export class LeftoverKeys {
  readonly #redis: Redis

  constructor (url: string) {
    this.#redis = new Redis(url)
  }

  /** The first key of a session without users that should be gone, or should expire. */
  async ofSession (name: string): Promise<string | undefined> {
    for (const key of await this.#redis.keys(`*${name}*`)) {
      const states = key.endsWith(':connections') ? await this.#redis.hvals(key) : []
      const isHeld = states.some((text) => !/^\d+ 0 /.test(text))
      const isMarker = /:entries:\d+$/.test(key) && (await this.#redis.hvals(key)).every((text) => /^\d+ ?$/.test(text))
      if (isHeld || (present.test(key) && !isMarker) || await this.#redis.pttl(key) === -1) return key
    }
    for (const index of await this.#redis.keys('*:index:*')) {
      const channels = await this.#redis.hkeys(index)
      const channel = channels.find((channel) => channel.includes(name))
      if (channel !== undefined) return `${index} with ${channel}`
    }
  }

  /** The keys that stay for ever after the last node closed. */
  async lasting (): Promise<string[]> {
    const lasting: string[] = []
    for (const key of await this.#redis.keys('*')) if (await this.#redis.pttl(key) === -1) lasting.push(key)
    return lasting
  }

  close (): void {
    this.#redis.disconnect()
  }
}
