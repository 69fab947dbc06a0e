import type { Except, PubSubPort } from '../../cluster/pubsub.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { decodeMessages, encodeMessage, senderOf } from './node-messages.ts'
import type { Receiver, Subscriptions } from './message-kinds.ts'

/** The parts of the adapter whose messages also arrive on the pub/sub channel of a channel. */
export interface ChannelReceivers {
  readonly history: {
    receiveEntry (channel: string, body: Buffer): void
    receiveEntries (channel: string, body: Buffer): void
  }
  readonly presence: { receiveChanges (channel: string, body: Buffer): void }
}

/** Ephemeral messages, and one subscription per channel for everything that is published about it. */
export class RedisPubSub implements PubSubPort {
  readonly #deps: RedisDeps
  readonly #subscriptions: Subscriptions
  readonly #receivers: ChannelReceivers
  /** Received messages of other nodes, entries and presence changes. */
  received = 0

  constructor (deps: RedisDeps, subscriptions: Subscriptions, receivers: ChannelReceivers) {
    this.#deps = deps
    this.#subscriptions = subscriptions
    this.#receivers = receivers
  }

  subscribe (channel: string): Promise<void> {
    const { history, presence } = this.#receivers
    return this.#subscriptions.subscribe(this.#deps.keys.pubsubOf(channel), {
      m: (body) => this.#receiveMessages(channel, body),
      h: this.#counted((body) => history.receiveEntry(channel, body)),
      e: this.#counted((body) => history.receiveEntries(channel, body)),
      p: this.#counted((body) => presence.receiveChanges(channel, body))
    })
  }

  unsubscribe (channel: string): Promise<void> {
    return this.#subscriptions.unsubscribe(this.#deps.keys.pubsubOf(channel))
  }

  publish (channel: string, message: EncodedMessage, whenSlow?: WhenSlow, except?: Except): Promise<void> {
    const { publisher, keys } = this.#deps
    return publisher.publish(keys.pubsubOf(channel), 'm', encodeMessage(message, whenSlow, except))
  }

  /** A malformed message throws, and is not counted. */
  #counted (receive: Receiver): Receiver {
    return (body) => {
      receive(body)
      this.received++
    }
  }

  #receiveMessages (channel: string, body: Buffer): void {
    if (senderOf(body) === this.#deps.nodeId) return
    const messages = decodeMessages(body)
    this.received += messages.length
    for (const { encoded, whenSlow, except } of messages) {
      this.#deps.events.message(channel, encoded, whenSlow, except)
    }
  }
}
