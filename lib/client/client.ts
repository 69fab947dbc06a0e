import type { AnyChannel } from '../contract/define-channel.ts'
import { addressOf, type Params } from '../contract/address.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { ResyncEvent } from './channel/channel-history.ts'
import { JoinedChannel } from './channel/joined-channel.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import { failure } from './request-error.ts'
import type { ConnectionState, Transport } from './transport/transport.ts'
import type { CloseInfo } from './transport/socket-attempt.ts'

/**
 * `connecting`: there is no connection, one is being made or waited for. `recovering`: there is one, and channels that were joined
 * are on their way in again. `open`: all are in. `closed`: for good.
 */
export type ClientState = ConnectionState | 'recovering'

/** What `connect` returns. `TypedConnection` says what its members mean. */
export class Client extends Messaging {
  readonly #transport: Transport
  readonly #channels = new Map<string, JoinedChannel>()
  readonly #states: Listeners<[state: ClientState, close: CloseInfo | undefined]>
  #state: ClientState = 'connecting'

  constructor (transport: Transport) {
    super(transport)
    this.#transport = transport
    this.#states = new Listeners(transport.setup.report)
    transport.states.add((state, close) => this.#follow(state, close))
    transport.envelopes.add((envelope) => this.#receive(envelope))
  }

  get state (): ClientState {
    return this.#state
  }

  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe {
    return this.#states.add(listener)
  }

  async join (channel: string | AnyChannel, params?: Params, { onResync }: { onResync?: (begun: ResyncEvent) => void } = {}): Promise<JoinedChannel> {
    const address = addressOf(typeof channel === 'string' ? channel : channel.pattern, params)
    const subject = { type: 'join', channel: address }
    if (this.state === 'closed') throw failure(subject, 'closed')
    if (this.#channels.has(address)) throw failure(subject, 'already_joined')
    return this.#enter(address, onResync)
  }

  close (): void {
    this.#transport.close()
  }

  #enter (address: string, onResync?: (begun: ResyncEvent) => void): Promise<JoinedChannel> {
    return new Promise((resolve, reject) => {
      const channel: JoinedChannel = new JoinedChannel(this.#transport, address, {
        entered: () => {
          resolve(channel)
          this.#settle()
        },
        lost: () => this.#settle(),
        refused: reject,
        forget: () => {
          this.#channels.delete(address)
          this.#settle()
        }
      }, onResync)
      this.#channels.set(address, channel)
    })
  }

  /** Channels are on their way again when `recovering` or `open` is told, and rejected what they can be when `closed` is. */
  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    for (const channel of [...this.#channels.values()]) channel.follow(state)
    if (state === 'open') this.#settle()
    else this.#tell(state, close)
  }

  /** A channel changed: is everything as it should be now? */
  #settle (): void {
    if (this.#transport.state !== 'open') return
    this.#tell([...this.#channels.values()].some(({ returning }) => returning) ? 'recovering' : 'open')
  }

  #tell (state: ClientState, close?: CloseInfo): void {
    if (state === this.#state) return
    this.#state = state
    this.#states.call(state, close)
  }

  #receive (envelope: Envelope): void {
    if (envelope.channel === undefined) this.deliver(envelope)
    else this.#channels.get(envelope.channel)?.receive(envelope)
  }
}
