import type { AnyChannel } from '../contract/define-channel.ts'
import { addressOf, type Params } from '../contract/pattern.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { JoinedChannel, type UntypedJoinOptions } from './channel/joined-channel.ts'
import { Membership } from './channel/membership.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import { failure, type Subject } from './request-error.ts'
import type { Call, CallOptions } from './requests/call.ts'
import type { Requests } from './requests/requests.ts'
import type { ConnectError } from './transport/connect-error.ts'
import type { CloseInfo } from './transport/web-socket.ts'
import type { ConnectionState } from './transport/transport.ts'

/**
 * `idle`: the client has not connected yet; the first use connects. `connecting`: there is no connection; the client
 * opens one or waits to open one. `recovering`: the connection is open and joined channels are being joined again.
 * `open`: every channel is joined. `closed`: the client is closed until `open` is called.
 */
export type ClientState = ConnectionState | 'recovering'

/** The client that `connect` returns. `TypedClient` documents the public members. */
export class Client extends Messaging {
  readonly #requests: Requests
  readonly #channels = new Map<string, Membership>()
  readonly #states: Listeners<{ readonly state: [state: ClientState, close: CloseInfo | undefined] }>
  #state: ClientState = 'idle'

  constructor (requests: Requests) {
    super(requests)
    this.#requests = requests
    this.#states = new Listeners(requests.deps.report)
    requests.events.add('changed', (state, close) => this.#follow(state, close))
    requests.events.add('received', (envelope) => this.#receive(envelope))
  }

  get state (): ClientState {
    return this.#state
  }

  get lastError (): ConnectError | undefined {
    return this.#requests.transport.lastError
  }

  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe {
    return this.#states.add('state', listener)
  }

  onConnectError (listener: (error: ConnectError) => void): Unsubscribe {
    return this.#requests.events.add('failed', listener)
  }

  async join (channel: string | AnyChannel, params?: Params, options: UntypedJoinOptions = {}): Promise<JoinedChannel> {
    const address = addressOf(typeof channel === 'string' ? channel : channel.pattern, params)
    let handle: JoinedChannel | undefined
    const joining = this.call(options, (call) => {
      const subject = { type: 'join', channel: address }
      this.#start(subject)
      if (this.#requests.limits.isUnknown(address)) {
        throw failure(subject, 'unknown_channel', 'this route serves no such channel')
      }
      call.expire(options.timeout ?? this.#requests.deps.timeout, () => {
        // The server may still ack the join, so a leave follows it.
        handle?.leave()
        return failure(subject, 'timeout', 'not joined in time', this.lastError)
      })
      const membership = this.#membershipOf(address)
      handle = new JoinedChannel(this.#requests, membership, address, options, call)
      membership.add(handle)
    })
    joining.catch(() => handle?.leave())
    return joining as Promise<JoinedChannel>
  }

  /** Resolves when the client is open. */
  async ready (options: CallOptions = {}): Promise<void> {
    const subject = { type: 'ready' }
    await this.call(options, (call) => {
      this.#start(subject)
      if (this.#requests.transport.state === 'open') return call.resolve()
      call.expire(options.timeout ?? this.#requests.deps.timeout, () => this.#requests.notSent(subject))
      this.#requests.wait(subject, call, () => call.resolve())
    })
  }

  /** Connects when the client is idle or closed. */
  open (): void {
    this.#requests.transport.open()
  }

  refresh (): Promise<void> {
    return this.#requests.refresh()
  }

  close (): void {
    this.#requests.transport.close({ code: 1000, reason: 'closed by the client' })
  }

  protected override sendIn (call: Call, message: Envelope, timeoutMs: number | undefined): void {
    this.#start(message)
    super.sendIn(call, message, timeoutMs)
  }

  /** The first use of an idle client connects. @throws {RequestError} `closed` */
  #start (subject: Subject): void {
    if (this.#state === 'closed') throw this.#requests.notSent(subject)
    this.open()
  }

  #membershipOf (address: string): Membership {
    const known = this.#channels.get(address)
    if (known) return known
    const membership: Membership = new Membership(this.#requests, address, () => {
      if (membership.hasEnded && this.#channels.get(address) === membership) this.#channels.delete(address)
      this.#updateState()
    })
    this.#channels.set(address, membership)
    return membership
  }

  /** Listeners of `recovering` and `closed` are called after the channels have started to rejoin, or have failed. */
  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    for (const channel of [...this.#channels.values()]) channel.follow(state)
    if (state === 'open') this.#updateState()
    else this.#setState(state, close)
  }

  /** On an open connection the state depends on the channels. */
  #updateState (): void {
    if (this.#requests.transport.state !== 'open') return
    const isRecovering = [...this.#channels.values()].some((channel) => channel.isRejoining)
    this.#setState(isRecovering ? 'recovering' : 'open')
  }

  #setState (state: ClientState, close?: CloseInfo): void {
    if (state === this.#state) return
    this.#state = state
    this.#states.call('state', state, close)
  }

  #receive (envelope: Envelope): void {
    if (envelope.channel === undefined) this.deliver(envelope.type, envelope.payload)
    else this.#channels.get(envelope.channel)?.receive(envelope)
  }
}
