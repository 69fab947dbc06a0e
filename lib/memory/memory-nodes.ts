import type { NodeAnswers, NodesPort } from '../cluster/nodes.ts'
import type { MemoryHub } from './memory-hub.ts'

/** Calls the other nodes of the hub directly. */
export class MemoryNodes implements NodesPort {
  readonly #hub: MemoryHub
  readonly #nodeId: string

  constructor (hub: MemoryHub, nodeId: string) {
    this.#hub = hub
    this.#nodeId = nodeId
  }

  async request (request: unknown, deadlineMs: number): Promise<NodeAnswers> {
    const others = this.#hub.othersThan(this.#nodeId)
    const results: Array<{ readonly node: string, readonly answer: unknown }> = []
    const answering = others.map(async ({ id, events }) => {
      results.push({ node: id, answer: await events.requested(request) })
    })
    await this.#settled(answering, deadlineMs)
    const answered = new Set(results.map(({ node }) => node))
    return { results: [...results], missing: others.map(({ id }) => id).filter((id) => !answered.has(id)) }
  }

  /** Nothing is announced that the others know already. */
  async revoke (key: string, until: number): Promise<void> {
    if (!this.#hub.addRevocation(key, until)) return
    for (const { events } of this.#hub.othersThan(this.#nodeId)) events.revoked(key, until)
  }

  /** Resolves once all have settled, at the latest after `deadlineMs` milliseconds. */
  async #settled (promises: ReadonlyArray<Promise<void>>, deadlineMs: number): Promise<void> {
    const { clock } = this.#hub
    await new Promise<void>((resolve) => {
      const deadline = clock.setTimeout(resolve, deadlineMs)
      Promise.allSettled(promises).then(() => {
        clock.clearTimeout(deadline)
        resolve()
      })
    })
  }
}
