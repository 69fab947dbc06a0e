import type { AnyChannel } from '../contract/define-channel.ts'
import { addressOf, type Params } from '../contract/pattern.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { OnResync } from './channel/client-history.ts'
import { JoinedChannel } from './channel/joined-channel.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import { failure } from './request-error.ts'
import type { ConnectionState, Transport } from './transport/transport.ts'
import type { CloseInfo } from './transport/socket-attempt.ts'

/**
 * `connecting`: there is no connection; the client opens one or waits to open one. `recovering`: the connection is open
 * and joined channels are being joined again. `open`: every channel is joined. `closed`: the client is closed for good.
 */
export type ClientState = ConnectionState | 'recovering'

/** The client that `connect` returns. `TypedClient` documents the public members. */
export class Client extends Messaging {
  readonly #transport: Transport
  readonly #channels = new Map<string, JoinedChannel>()
  readonly #states: Listeners<[state: ClientState, close: CloseInfo | undefined]>
  #state: ClientState = 'connecting'

  constructor (transport: Transport) {
    super(transport)
    this.#transport = transport
    this.#states = new Listeners(transport.deps.report)
    transport.states.add((state, close) => this.#follow(state, close))
    transport.envelopes.add((envelope) => this.#receive(envelope))
  }

  get state (): ClientState {
    return this.#state
  }

  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe {
    return this.#states.add(listener)
  }

  async join (channel: string | AnyChannel, params?: Params, options?: { onResync: OnResync }): Promise<JoinedChannel> {
    const address = addressOf(typeof channel === 'string' ? channel : channel.pattern, params)
    const subject = { type: 'join', channel: address }
    if (this.state === 'closed') throw failure(subject, 'closed')
    if (this.#channels.has(address)) throw failure(subject, 'already_joined')
    return this.#startJoin(address, options?.onResync)
  }

  close (): void {
    this.#transport.close()
  }

  #startJoin (address: string, onResync: OnResync): Promise<JoinedChannel> {
    return new Promise((resolve, reject) => {
      const channel: JoinedChannel = new JoinedChannel(this.#transport, address, onResync, {
        joined: () => {
          resolve(channel)
          this.#updateState()
        },
        rejoining: () => this.#updateState(),
        refused: reject,
        ended: () => {
          this.#channels.delete(address)
          this.#updateState()
        }
      })
      this.#channels.set(address, channel)
    })
  }

  /** Listeners of `recovering` and `closed` are called after the channels have started to rejoin, or have failed. */
  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    for (const channel of [...this.#channels.values()]) channel.follow(state)
    if (state === 'open') this.#updateState()
    else this.#setState(state, close)
  }

  /** On an open connection the state depends on the channels. */
  #updateState (): void {
    if (this.#transport.state !== 'open') return
    const isRecovering = [...this.#channels.values()].some((channel) => channel.isRejoining)
    this.#setState(isRecovering ? 'recovering' : 'open')
  }

  #setState (state: ClientState, close?: CloseInfo): void {
    if (state === this.#state) return
    this.#state = state
    this.#states.call(state, close)
  }

  #receive (envelope: Envelope): void {
    if (envelope.channel === undefined) this.deliver(envelope)
    else this.#channels.get(envelope.channel)?.receive(envelope)
  }
}
