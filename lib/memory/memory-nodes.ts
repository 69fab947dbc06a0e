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

  async request (request: unknown): Promise<NodeAnswers> {
    const others = this.#hub.othersThan(this.#nodeId)
    const settled = await Promise.allSettled(others.map(async ({ id, events }) => {
      return { node: id, answer: await events.requested(request) }
    }))
    return {
      results: settled.flatMap((outcome) => outcome.status === 'fulfilled' ? [outcome.value] : []),
      missing: others.filter((_, i) => settled[i]?.status === 'rejected').map(({ id }) => id)
    }
  }

  async revoke (key: string, until: number): Promise<void> {
    for (const { events } of this.#hub.othersThan(this.#nodeId)) events.revoked(key, until)
  }
}
