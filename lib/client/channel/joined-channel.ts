import type { Envelope } from '../../protocol/envelope.ts'
import { ClientHistory, isRecovered, type OnResync } from './client-history.ts'
import { Listeners, type Unsubscribe } from '../listeners.ts'
import { Membership } from './membership.ts'
import { Messaging } from '../messaging.ts'
import { IdempotentSends } from './idempotent-sends.ts'
import { Presence, type Difference, type View } from './presence.ts'
import { listOf } from '../transport/read-envelope.ts'
import { entryOf } from './read-recovery.ts'
import { failure, refusalOf, type RequestError } from '../request-error.ts'
import type { ConnectionState, Transport } from '../transport/transport.ts'
import { JoinBuffer } from './join-buffer.ts'

/** What a channel reports to the client that holds it. */
export interface JoinedChannelEvents {
  /** The channel is joined, for the first time or again. */
  joined (): void
  /** An entry is missing, so the channel is left and joined again. */
  rejoining (): void
  /** The server refused the join or removed the client, the first join timed out, or the client closed. */
  refused (error: RequestError): void
  /** The channel ended for any reason; it takes no more messages. */
  ended (): void
}

/** The channel that `join` returns. `TypedChannel` documents the public members. */
export class JoinedChannel extends Messaging {
  readonly address: string
  readonly #transport: Transport
  readonly #events: JoinedChannelEvents
  readonly #buffer: JoinBuffer
  readonly #presence: Presence
  readonly #left: Listeners<[{ readonly code: string }]>
  readonly #history: ClientHistory
  readonly #membership: Membership
  readonly #sends: IdempotentSends
  #wasJoined = false

  constructor (transport: Transport, address: string, onResync: OnResync, events: JoinedChannelEvents) {
    super(transport, address)
    const { clock, report } = transport.deps
    this.address = address
    this.#transport = transport
    this.#events = events
    this.#buffer = new JoinBuffer(clock, (envelope) => this.#handle(envelope))
    this.#presence = new Presence(report)
    this.#left = new Listeners(report)
    this.#history = new ClientHistory(report, onResync)
    this.#membership = new Membership(transport, address, this.#history, {
      joined: (ack) => this.#applyJoin(ack),
      ended: (error) => this.#end(error)
    })
    this.#sends = new IdempotentSends(transport, this.#membership)
  }

  get presence (): View {
    return this.#presence.view
  }

  onPresence (listener: (presence: View, change: Difference | undefined) => void): Unsubscribe {
    return this.#presence.changes.add(listener)
  }

  onRecovered (listener: () => void): Unsubscribe {
    return this.#history.recovered.add(listener)
  }

  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe {
    return this.#left.add(listener)
  }

  override send (type: string, payload?: unknown): Promise<unknown> {
    const message = { type, channel: this.address, payload }
    if (this.#membership.hasEnded) return Promise.reject(failure(message, this.#endCode))
    if (!this.#sends.isIdempotent(type)) return super.send(type, payload)
    return new Promise((resolve, reject) => this.#sends.send(message, { resolve, reject }))
  }

  leave (): Promise<void> {
    this.#stop()
    return this.#membership.leave()
  }

  /** Whether the channel was joined before and waits to be joined again. */
  get isRejoining (): boolean {
    return this.#membership.isRejoining
  }

  /** Takes a new state of the connection. */
  follow (state: ConnectionState): void {
    this.#membership.follow(state)
  }

  /** Takes a message that the server sent on this channel. */
  receive (envelope: Envelope): void {
    this.#buffer.receive(envelope)
  }

  #applyJoin (ack: unknown): void {
    if (!this.#wasJoined) this.#buffer.start()
    this.#wasJoined = true
    this.#presence.replace(ack)
    this.#receiveAll(this.#history.applyJoin(ack))
    // A listener may have left the channel, or an entry may have been missing.
    if (!this.#membership.isJoined) return
    if (isRecovered(ack)) this.#history.recovered.call()
    this.#events.joined()
    this.#sends.resume(listOf(ack, 'idempotent'))
  }

  #receiveAll (envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.receive(envelope)
  }

  #handle (envelope: Envelope): void {
    // Without a membership the message was sent before a leave or before the connection was lost.
    if (!this.#membership.isJoined) return
    const { type, payload } = envelope
    if (type === 'presence') this.#presence.change(payload)
    else if (type === 'left') this.#membership.end(refusalOf({ type, channel: this.address }, payload))
    else if (type === 'resync') this.#receiveAll(this.#history.applyResync(payload))
    else this.#deliverInOrder(envelope)
  }

  #deliverInOrder (envelope: Envelope): void {
    const entry = entryOf(envelope)
    if (!entry) return this.deliver(envelope)
    const order = this.#history.advance(entry)
    if (order === 'next') this.deliver(envelope, { offset: entry.offset, id: entry.id, hash: entry.hash })
    if (order === 'gap') this.#rejoin()
  }

  #rejoin (): void {
    this.#membership.rejoin()
    this.#events.rejoining()
  }

  #end (error: RequestError): void {
    this.#stop()
    this.#events.refused(error)
    if (error.code !== 'closed') this.#left.call({ code: error.code })
  }

  #stop (): void {
    this.#buffer.stop()
    this.#sends.end(this.#endCode)
    this.#events.ended()
  }

  get #endCode () {
    return this.#transport.state === 'closed' ? 'closed' : 'not_joined'
  }
}
