import type { Except, PubSubPort } from '../../cluster/pubsub.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import type { HubAccess } from '../hub-access.ts'
import type { Restoring } from '../hub-ports.ts'

/** Ephemeral messages over the hub. While it does not work they stay within this process. */
export class LocalPubSub implements PubSubPort {
  readonly #access: HubAccess
  readonly #subscribed = new Set<string>()
  published = 0
  dropped = 0

  constructor (access: HubAccess) {
    this.#access = access
  }

  async subscribe (channel: string): Promise<void> {
    this.#subscribed.add(channel)
    await this.#access.tell(({ pubsub }) => pubsub.subscribe(channel))
  }

  async unsubscribe (channel: string): Promise<void> {
    this.#subscribed.delete(channel)
    await this.#access.tell(({ pubsub }) => pubsub.unsubscribe(channel))
  }

  async publish (channel: string, message: EncodedMessage, whenSlow?: WhenSlow, except?: Except): Promise<void> {
    try {
      await this.#access.ask(({ pubsub }) => pubsub.publish(channel, message, whenSlow, except))
      this.published++
    } catch (error) {
      this.dropped++
      throw error
    }
  }

  /** Subscribes at a hub that knows nothing of this node. */
  * restore (): Iterable<Restoring> {
    for (const channel of this.#subscribed) yield ({ pubsub }) => pubsub.subscribe(channel)
  }
}
