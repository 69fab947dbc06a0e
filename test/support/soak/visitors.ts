import { randomInt } from 'node:crypto'
import { TestClient } from '../../../lib/testing/test-client.ts'

const pick = <T>(values: readonly T[]) => values[randomInt(values.length)] as T
const users = 40
const rooms = 30

/** What the visitors did, and what they were answered. */
export class Visitors {
  readonly counts: Record<string, number> = {}
  readonly #urls: readonly string[]
  #isOver = false
  #running: Array<Promise<void>> = []

  constructor (urls: readonly string[]) {
    this.#urls = urls
  }

  start (count: number): void {
    this.#isOver = false
    this.#running = Array.from({ length: count }, () => this.#visitAgainAndAgain())
  }

  /** Resolves once the last visitor is gone. */
  async finish (): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  #count (what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  async #visitAgainAndAgain (): Promise<void> {
    while (!this.#isOver) {
      try {
        const headers = { 'x-user': `user-${randomInt(users)}` }
        await this.#visit(await TestClient.connect(pick(this.#urls), [], { headers }))
      } catch {
        this.#count('refused upgrade')
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }

  /** Joins some rooms, writes, leaves a few, and goes: with or without a word. */
  async #visit (client: TestClient): Promise<void> {
    this.#count('connection')
    const lost = client.closed.then(() => undefined)
    const request = async (...request: Parameters<TestClient['request']>) => {
      const reply = await Promise.race([client.request(...request), lost])
      if (!reply) return this.#count('lost before a reply')
      const { code } = (reply.payload ?? {}) as { code?: string }
      this.#count(reply.type === 'ack' ? `${request[0]} ack` : `${request[0]} ${String(code)}`)
    }
    const joined = Array.from({ length: randomInt(1, 5) }, () => `soak/${randomInt(rooms)}`)
    for (const room of joined) await request('join', room)
    const messages = randomInt(1, 20)
    for (let i = 0; i < messages && client.webSocket.readyState === client.webSocket.OPEN; i++) {
      await request(pick(['write', 'write', 'hint']), pick(joined), { text: 'x'.repeat(randomInt(200)) })
      await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, randomInt(60)))])
    }
    if (randomInt(2) === 0) await request('leave', pick(joined))
    if (randomInt(3) === 0) client.terminate()
    else client.webSocket.close()
    await client.closed
  }
}
