import type { AnyChannel } from '../contract/definition.ts'
import { addressOf, type Params } from '../contract/address.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { JoinedChannel } from './joined-channel.ts'
import type { Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import { failure } from './request-error.ts'
import type { State, Transport } from './transport.ts'
import type { Close } from './wire.ts'

/** What `connect` returns. `TypedConnection` says what its members mean. */
export class Client extends Messaging {
  readonly #transport: Transport
  readonly #channels = new Map<string, JoinedChannel>()

  constructor (transport: Transport) {
    super(transport)
    this.#transport = transport
    transport.states.add((state) => this.#follow(state))
    transport.envelopes.add((envelope) => this.#receive(envelope))
  }

  get state (): State {
    return this.#transport.state
  }

  onState (listener: (state: State, close: Close | undefined) => void): Unsubscribe {
    return this.#transport.states.add(listener)
  }

  async join (channel: string | AnyChannel, params?: Params): Promise<JoinedChannel> {
    const address = addressOf(typeof channel === 'string' ? channel : channel.pattern, params)
    const subject = { type: 'join', channel: address }
    if (this.state === 'closed') throw failure(subject, 'closed')
    if (this.#channels.has(address)) throw failure(subject, 'already_joined')
    return this.#enter(address)
  }

  close (): void {
    this.#transport.close()
  }

  #enter (address: string): Promise<JoinedChannel> {
    return new Promise((resolve, reject) => {
      const channel: JoinedChannel = new JoinedChannel(this.#transport, address, {
        entered: () => resolve(channel),
        refused: reject,
        forget: () => this.#channels.delete(address)
      })
      this.#channels.set(address, channel)
    })
  }

  /** Added before any listener of the user's: channels are on their way again when `open` is told. */
  #follow (state: State): void {
    for (const channel of [...this.#channels.values()]) channel.follow(state)
  }

  #receive (envelope: Envelope): void {
    if (envelope.channel === undefined) this.deliver(envelope)
    else this.#channels.get(envelope.channel)?.receive(envelope)
  }
}
