import type { AnyChannel } from '../contract/define-channel.ts'
import { addressOf, type Params } from '../contract/pattern.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { JoinedChannel, type UntypedJoinOptions } from './channel/joined-channel.ts'
import { Membership } from './channel/membership.ts'
import type { Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import type { Call } from './requests/call.ts'
import type { ConnectionState } from './requests/client-events.ts'
import type { Requests } from './requests/requests.ts'
import type { ConnectError } from './transport/connect-error.ts'
import type { Connection } from './transport/connection.ts'
import type { CloseInfo } from './transport/web-socket.ts'

/**
 * `idle`: the client has not connected yet; the first use connects. `connecting`: there is no connection; the client
 * opens one or waits to open one. `recovering`: the connection is open and joined channels are being joined again.
 * `open`: every channel is joined. `closed`: the client is closed until `open` is called.
 */
export type ClientState = ConnectionState | 'recovering'

/** The client that `connect` returns. `TypedClient` documents the public members. */
export class Client extends Messaging {
  state: ClientState = 'idle'
  /** The memberships by their address. */
  readonly channels = new Map<string, Membership>()
  readonly #Handle: typeof JoinedChannel

  constructor (requests: Requests, Handle = JoinedChannel) {
    super(requests)
    this.#Handle = Handle
    requests.steps.follow = (state, close) => this.#follow(state, close)
    requests.steps.receive = (envelope, connection) => this.#receive(envelope, connection)
  }

  get lastError (): ConnectError | undefined {
    return this.requests.lastError
  }

  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe {
    return this.on('reconnect', listener)
  }

  onConnectError (listener: (error: ConnectError) => void): Unsubscribe {
    return this.requests.events.add('failed', listener)
  }

  async join (channel: string | AnyChannel, params?: Params, options: UntypedJoinOptions = {}): Promise<JoinedChannel> {
    const address = addressOf(patternOf(channel), params)
    const message = { type: 'join', channel: address }
    let handle: JoinedChannel | undefined
    const joining = this.call(message, options, (call) => {
      this.start(call)
      this.requests.expire(call, options.timeout)
      const known = this.channels.get(address)
      const membership = known ?? this.addMembership(address)
      handle = new this.#Handle(this.requests, membership, options, call)
      membership.add(handle)
      if (!known && this.requests.isOpen) membership.join()
    })
    // The server may still ack a join that is given up, so a leave follows it.
    joining.catch(() => handle?.leave())
    return joining as Promise<JoinedChannel>
  }

  /** Connects when the client is idle or closed. */
  open (): void {
    this.requests.open()
  }

  close (): void {
    this.requests.close({ code: 1000, reason: 'closed by the client' })
  }

  protected override sendIn (call: Call, timeoutMs?: number): void {
    this.start(call)
    this.requests.send(call, timeoutMs)
  }

  /** The first use of an idle client connects. @throws {RequestError} `closed` */
  protected start ({ message }: Call): void {
    if (this.state === 'closed') throw this.requests.failure(message)
    this.open()
  }

  /** A new membership, which is not joined yet. */
  protected addMembership (address: string): Membership {
    const membership: Membership = new Membership(this.requests, address, () => {
      if (membership.hasEnded && this.channels.get(address) === membership) this.channels.delete(address)
      this.updateState()
    })
    this.channels.set(address, membership)
    return membership
  }

  /** The server has made the client a member of a channel: a client without a listener for that leaves. */
  protected added ({ channel = '' }: Envelope, connection: Connection): void {
    connection.leave(channel)
  }

  /** Listeners of `recovering` and `closed` are called after the channels have started to rejoin, or have failed. */
  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    for (const channel of [...this.channels.values()]) channel.follow(state)
    if (state === 'open') this.updateState()
    else this.#setState(state, close)
  }

  /** On an open connection the state depends on the channels. */
  updateState (): void {
    if (!this.requests.isOpen) return
    const isRecovering = [...this.channels.values()].some((channel) => channel.isRejoining)
    this.#setState(isRecovering ? 'recovering' : 'open')
  }

  #setState (state: ClientState, close?: CloseInfo): void {
    if (state === this.state) return
    this.state = state
    this.deliver('reconnect', state, close)
  }

  #receive (envelope: Envelope, connection: Connection): void {
    const { type, channel, payload } = envelope
    if (channel === undefined) return this.deliver(type, payload)
    const known = this.channels.get(channel)
    if (known) known.receive(envelope)
    else if (type === 'joined') this.added(envelope, connection)
  }
}

export function patternOf (channel: string | AnyChannel): string {
  return typeof channel === 'string' ? channel : channel.pattern
}
