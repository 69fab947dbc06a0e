import { readdirSync } from 'node:fs'
import type { TestClient } from '../../../lib/testing/test-client.ts'

/**
 * A well-behaved client beside a flood, on a connection of its own. It notes in which order its replies and what
 * became of the flood's peers came: that proves that it was served meanwhile, where a time would only prove how busy
 * the machine is.
 */
export class Bystander {
  readonly #client: TestClient
  readonly #events: Array<'served' | 'outcome'> = []
  #requests = 0

  constructor (client: TestClient) {
    this.#client = client
  }

  /** One more of the flood's peers, or of its messages, got what it deserves. */
  outcome (): void {
    this.#events.push('outcome')
  }

  get outcomes (): number {
    return this.#events.filter((event) => event === 'outcome').length
  }

  /** Replies that came after the flood's first outcome, and before its last. */
  get servedBetween (): number {
    return this.#events.slice(this.#events.indexOf('outcome'), this.#events.lastIndexOf('outcome')).filter((event) =>
      event === 'served').length
  }

  /** Requests and replies, one after another, until the flood is over, or `rounds` of them. */
  async during<T> (flood: Promise<T>, rounds = Infinity): Promise<T> {
    const state = { isOver: false }
    const end = () => { state.isOver = true }
    flood.then(end, end)
    for (let round = 0; round < rounds && !state.isOver; round++) await this.work()
    return flood
  }

  async work (): Promise<void> {
    const value = ++this.#requests
    const { type, payload } = await this.#client.request('echo', 'lab/bystander', { value })
    if (type !== 'ack' || (payload as { value: number }).value !== value) {
      throw new Error(
      `request ${value} was answered ${type} ${JSON.stringify(payload)}`
      )
    }
    this.#events.push('served')
  }
}

export const fileDescriptors = () => readdirSync('/proc/self/fd').length
