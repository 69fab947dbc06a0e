import type { PresenceEntry } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { ClientHistory, isRecovered, type ResyncEvent } from './channel-history.ts'
import { Listeners, type Unsubscribe } from '../listeners.ts'
import { Membership } from './membership.ts'
import { Messaging } from '../messaging.ts'
import { IdempotentSends } from './idempotent-sends.ts'
import { Presence, type Difference } from './presence.ts'
import { listOf } from '../transport/read-envelope.ts'
import { placeOf } from './read-recovery.ts'
import { failure, refusalOf, type RequestError } from '../request-error.ts'
import type { ConnectionState, Transport } from '../transport/transport.ts'
import { JoinBuffer } from './join-buffer.ts'

/** Whoever asked for a channel: its caller, and the list it is kept in. */
export interface Applicant {
  /** In, for the first time or again. */
  entered (): void
  /** Out, and on the way in again. */
  lost (): void
  refused (error: RequestError): void
  /** Out, for whatever reason: nothing of the server is to be handed to this channel any more. */
  forget (): void
}

/** The channel that a user of the client holds. `TypedChannel` says what its members mean. */
export class JoinedChannel extends Messaging {
  /** As in the envelope: `chat/lobby`. */
  readonly address: string
  readonly #membership: Membership
  readonly #log: ClientHistory
  readonly #once: IdempotentSends
  readonly #applicant: Applicant
  readonly #presence: Presence
  readonly #left: Listeners<[{ readonly code: string }]>
  readonly #transport: Transport
  readonly #turn: JoinBuffer
  #entered = false

  constructor (transport: Transport, address: string, applicant: Applicant, onResync?: (begun: ResyncEvent) => void) {
    super(transport, address)
    this.address = address
    this.#transport = transport
    this.#applicant = applicant
    this.#turn = new JoinBuffer(transport.setup.clock)
    this.#presence = new Presence(transport.setup.report)
    this.#left = new Listeners(transport.setup.report)
    this.#log = new ClientHistory(transport.setup.report, onResync)
    this.#once = new IdempotentSends(transport, () => this.#membership.joined)
    this.#membership = new Membership(transport, address, {
      since: () => this.#log.since,
      joined: (ack) => this.#joined(ack),
      ended: (error) => this.#ended(error)
    })
  }

  get presence (): readonly PresenceEntry[] {
    return this.#presence.entries
  }

  onPresence (listener: (presence: readonly PresenceEntry[], change: Difference | undefined) => void): Unsubscribe {
    return this.#presence.changes.add(listener)
  }

  onRecovered (listener: () => void): Unsubscribe {
    return this.#log.recovered.add(listener)
  }

  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe {
    return this.#left.add(listener)
  }

  override send (type: string, payload?: unknown): Promise<unknown> {
    const message = { type, channel: this.address, payload }
    if (this.#membership.over) return Promise.reject(failure(message, this.#overCode))
    if (!this.#once.has(type)) return super.send(type, payload)
    return new Promise((resolve, reject) => this.#once.send(message, { resolve, reject }))
  }

  leave (): Promise<void> {
    this.#forget()
    return this.#membership.leave()
  }

  /** Whether the server held us in the channel, and does not hold us again yet. */
  get returning (): boolean {
    return this.#membership.returning
  }

  /** The connection changed. */
  follow (state: ConnectionState): void {
    this.#membership.follow(state)
  }

  /** Takes what the server sends on this channel. */
  receive (envelope: Envelope): void {
    if (!this.#turn.hold(envelope)) this.#take(envelope)
  }

  #joined (ack: unknown): void {
    if (!this.#entered) this.#turn.begin((envelope) => this.#take(envelope))
    this.#entered = true
    this.#presence.replace(ack)
    this.#receiveAll(this.#log.joined(ack))
    // A listener may have left meanwhile, or a message not have followed.
    if (!this.#membership.joined) return
    if (isRecovered(ack)) this.#log.recovered.call()
    this.#applicant.entered()
    this.#once.joined(listOf(ack, 'idempotent'))
  }

  #receiveAll (envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.receive(envelope)
  }

  #take (envelope: Envelope): void {
    // Not joined: left over from before a leave or a lost connection.
    if (!this.#membership.joined) return
    const { type, payload } = envelope
    if (type === 'presence') this.#presence.change(payload)
    else if (type === 'left') this.#membership.end(refusalOf({ type, channel: this.address }, payload))
    else if (type === 'resync') this.#receiveAll(this.#log.resync(payload))
    else this.#handOn(envelope)
  }

  #handOn (envelope: Envelope): void {
    const place = placeOf(envelope)
    if (!place) return this.deliver(envelope)
    const standing = this.#log.pass(place)
    if (standing === 'next') this.deliver(envelope, { offset: place.offset, id: place.id, hash: place.hash })
    if (standing === 'early') this.#renew()
  }

  #renew (): void {
    this.#membership.renew()
    this.#applicant.lost()
  }

  #ended (error: RequestError): void {
    this.#forget()
    this.#applicant.refused(error)
    if (error.code !== 'closed') this.#left.call({ code: error.code })
  }

  #forget (): void {
    this.#turn.stop()
    this.#once.end(this.#overCode)
    this.#applicant.forget()
  }

  get #overCode () {
    return this.#transport.state === 'closed' ? 'closed' : 'not_joined'
  }
}
