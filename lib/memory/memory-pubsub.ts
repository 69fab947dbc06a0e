import type { Except, PubSubPort } from '../cluster/pubsub.ts'
import type { EncodedMessage } from '../protocol/encoding.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import type { MemoryHub } from './memory-hub.ts'

/** Delivers synchronously, within the call of `publish`. */
export class MemoryPubSub implements PubSubPort {
  /** The channels that this node is subscribed to. */
  readonly subscribed = new Set<string>()
  readonly #hub: MemoryHub
  readonly #nodeId: string

  constructor (hub: MemoryHub, nodeId: string) {
    this.#hub = hub
    this.#nodeId = nodeId
  }

  async subscribe (channel: string): Promise<void> {
    this.subscribed.add(channel)
  }

  async unsubscribe (channel: string): Promise<void> {
    this.subscribed.delete(channel)
  }

  async publish (channel: string, message: EncodedMessage, whenSlow?: WhenSlow, except?: Except): Promise<void> {
    for (const { id, events } of this.#hub.subscribers(channel)) {
      if (id !== this.#nodeId) events.message(channel, message, whenSlow, except)
    }
  }
}
