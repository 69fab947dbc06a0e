import type { AnyChannel } from '../contract/define-channel.ts'
import { addressOf, type Params } from '../contract/pattern.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Ack } from './channel/history-position.ts'
import { JoinedChannel, type UntypedJoinOptions } from './channel/joined-channel.ts'
import { Membership } from './channel/membership.ts'
import type { Unsubscribe } from './listeners.ts'
import { Messaging } from './messaging.ts'
import { failure } from './request-error.ts'
import type { Call, CallOptions } from './requests/call.ts'
import { refresh } from './requests/refresh.ts'
import type { Requests } from './requests/requests.ts'
import { isUnknown, matches } from './requests/server-limits.ts'
import type { ConnectError } from './transport/connect-error.ts'
import type { Connection } from './transport/connection.ts'
import { Handover } from './transport/handover.ts'
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
  state: ClientState = 'idle'
  readonly #channels = new Map<string, Membership>()
  #handover: Handover | undefined

  constructor (requests: Requests) {
    super(requests)
    requests.events.add('changed', (state, close) => this.#follow(state, close))
    requests.events.add('received', (envelope, connection) => this.#receive(envelope, connection))
    requests.events.add('replaced', () => this.#beginHandover())
    requests.events.add('released', () => this.#endHandover())
  }

  get lastError (): ConnectError | undefined {
    return this.requests.transport.lastError
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
      this.#start(call)
      if (isUnknown(address, this.requests.transport.welcome)) throw failure(message, 'unknown_channel')
      const { timeout = this.requests.deps.timeout } = options
      call.expire(timeout, () => failure(message, 'timeout', `not joined within ${timeout} ms`, this.lastError))
      const membership = this.#membershipOf(address)
      handle = new JoinedChannel(this.requests, membership, options, call)
      membership.add(handle)
    })
    // The server may still ack a join that is given up, so a leave follows it.
    joining.catch(() => handle?.leave())
    return joining as Promise<JoinedChannel>
  }

  /** The listener of each pattern makes a handle of its own. */
  onJoined (channel: string | AnyChannel, listener: (channel: JoinedChannel) => void): Unsubscribe {
    const stop = this.on('joined', (membership: Membership) => {
      if (!matches(patternOf(channel), membership.address)) return
      membership.add(new JoinedChannel(this.requests, membership, { on: { joined: listener } }))
    })
    // Not at once, because the caller has no `stop` yet.
    queueMicrotask(() => {
      for (const membership of [...this.#channels.values()]) {
        if (membership.isUnclaimed) this.deliver('joined', membership)
      }
    })
    return stop
  }

  /** Resolves when the client is open. */
  async ready (options: CallOptions = {}): Promise<void> {
    await this.call({ type: 'ready' }, options, (call) => {
      this.#start(call)
      if (this.requests.isOpen) return call.resolve()
      const { timeout = this.requests.deps.timeout } = options
      call.expire(timeout, () => this.requests.notSent(call.message, `no connection within ${timeout} ms`))
      const stop = this.requests.events.add('changed', (state) => {
        stop()
        if (state === 'open') call.resolve()
        else call.reject(this.requests.notSent(call.message))
      })
    })
  }

  /** Connects when the client is idle or closed. */
  open (): void {
    this.requests.transport.open()
  }

  refresh (): Promise<void> {
    return refresh(this.requests)
  }

  close (): void {
    this.requests.transport.close({ code: 1000, reason: 'closed by the client' })
  }

  protected override sendIn (call: Call, timeoutMs?: number): void {
    this.#start(call)
    super.sendIn(call, timeoutMs)
  }

  /** The first use of an idle client connects. @throws {RequestError} `closed` */
  #start ({ message }: Call): void {
    if (this.state === 'closed') throw this.requests.notSent(message)
    this.open()
  }

  #membershipOf (address: string, isAdded = false): Membership {
    const known = this.#channels.get(address)
    if (known) return known
    const membership: Membership = new Membership(this.requests, address, isAdded, () => {
      if (membership.hasEnded && this.#channels.get(address) === membership) this.#channels.delete(address)
      this.#updateState()
    })
    this.#channels.set(address, membership)
    return membership
  }

  /** Listeners of `recovering` and `closed` are called after the channels have started to rejoin, or have failed. */
  #follow (state: ConnectionState, close: CloseInfo | undefined): void {
    this.#endHandover()
    for (const channel of [...this.#channels.values()]) channel.follow(state)
    if (state === 'open') this.#updateState()
    else this.#setState(state, close)
  }

  /** On an open connection the state depends on the channels. */
  #updateState (): void {
    if (!this.requests.isOpen) return
    this.#handover?.restart()
    const isRecovering = [...this.#channels.values()].some((channel) => channel.isRejoining)
    this.#setState(isRecovering ? 'recovering' : 'open')
  }

  #setState (state: ClientState, close?: CloseInfo): void {
    if (state === this.state) return
    this.state = state
    this.deliver('reconnect', state, close)
  }

  /** A further connection is open. Every channel is joined there before the first one is closed. */
  #beginHandover (): void {
    const { deps, outgoing, transport } = this.requests
    const { connection, replaced } = transport
    const isMoving = (channel: Membership) => channel.connection !== connection
    this.#handover = new Handover(deps.clock, {
      isBusy: () => [...this.#channels.values()].some(isMoving) || outgoing.sentOn(replaced).length > 0,
      finish: () => transport.release()
    })
    for (const channel of this.#channels.values()) channel.move()
  }

  #endHandover (): void {
    const held = this.#handover?.end()
    if (!held) return
    for (const envelope of held) this.#deliverFrom(undefined, envelope)
    for (const channel of [...this.#channels.values()]) channel.leaveOther()
  }

  #receive (envelope: Envelope, connection: Connection): void {
    const { channel = '' } = envelope
    const isNew = connection === this.requests.transport.connection
    const isTwice = isNew && (envelope.channel === undefined || this.#channels.get(channel)?.isOnBoth === true)
    for (const taken of this.#handover?.take(envelope, isTwice) ?? [envelope]) this.#deliverFrom(connection, taken)
  }

  #deliverFrom (connection: Connection | undefined, envelope: Envelope): void {
    const { type, channel, payload } = envelope
    if (channel === undefined) return this.deliver(type, payload)
    const known = this.#channels.get(channel)
    if (known) return known.receive(envelope, connection)
    // A leave that the server has still to handle will end this membership too.
    if (type !== 'joined' || this.requests.outgoing.isLeaving(channel)) return
    const membership = this.#membershipOf(channel, true)
    this.deliver(type, membership)
    membership.enter(payload as Ack, connection)
  }
}

function patternOf (channel: string | AnyChannel): string {
  return typeof channel === 'string' ? channel : channel.pattern
}
