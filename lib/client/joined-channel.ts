import type { Timer } from '../clock.ts'
import type { PresenceEntry } from '../protocol/control.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { Membership } from './membership.ts'
import { Messaging } from './messaging.ts'
import { Presence, type Difference } from './presence.ts'
import { failure, refusalOf, type RequestError } from './request-error.ts'
import type { State, Transport } from './transport.ts'

/** Whoever asked for a channel: its caller, and the list it is kept in. */
export interface Applicant {
  entered (): void
  refused (error: RequestError): void
  /** Out, for whatever reason: nothing of the server is to be handed to this channel any more. */
  forget (): void
}

/** The channel that a user of the client holds. `TypedChannel` says what its members mean. */
export class JoinedChannel extends Messaging {
  /** As in the envelope: `chat/lobby`. */
  readonly address: string
  readonly #membership: Membership
  readonly #applicant: Applicant
  readonly #presence: Presence
  readonly #left: Listeners<[{ readonly code: string }]>
  readonly #transport: Transport
  #entered = false
  #held: Envelope[] | undefined
  #release: Timer

  constructor (transport: Transport, address: string, applicant: Applicant) {
    super(transport, address)
    this.address = address
    this.#transport = transport
    this.#applicant = applicant
    this.#presence = new Presence(transport.setup.report)
    this.#left = new Listeners(transport.setup.report)
    this.#membership = new Membership(transport, address, {
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

  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe {
    return this.#left.add(listener)
  }

  override send (type: string, payload?: unknown): Promise<unknown> {
    const left = this.#membership.over && this.#transport.state !== 'closed'
    return left ? Promise.reject(failure({ type, channel: this.address }, 'not_joined')) : super.send(type, payload)
  }

  leave (): Promise<void> {
    this.#forget()
    return this.#membership.leave()
  }

  /** The connection changed. */
  follow (state: State): void {
    this.#membership.follow(state)
  }

  /** Takes what the server sends on this channel. */
  receive (envelope: Envelope): void {
    if (this.#held) this.#held.push(envelope)
    else this.#take(envelope)
  }

  #joined (ack: unknown): void {
    if (!this.#entered) this.#hold()
    this.#entered = true
    this.#presence.replace(ack)
    this.#applicant.entered()
  }

  /**
   * The caller of `join` gets to know the channel, and can listen to it, only when its promise's reactions run; by then `ws`
   * may have handed us the next frames of the same chunk. So what follows the ack waits for the next turn of the event loop.
   */
  #hold (): void {
    const held: Envelope[] = []
    this.#held = held
    this.#release = this.#transport.setup.clock.setTimeout(() => {
      this.#held = undefined
      for (const envelope of held) this.#take(envelope)
    }, 0)
  }

  #take (envelope: Envelope): void {
    // Not joined: left over from before a leave or a lost connection.
    if (!this.#membership.joined) return
    const { type, payload } = envelope
    if (type === 'presence') this.#presence.change(payload)
    else if (type === 'left') this.#membership.end(refusalOf({ type, channel: this.address }, payload))
    else this.deliver(envelope)
  }

  #ended (error: RequestError): void {
    this.#forget()
    this.#applicant.refused(error)
    if (error.code !== 'closed') this.#left.call({ code: error.code })
  }

  #forget (): void {
    this.#transport.setup.clock.clearTimeout(this.#release)
    this.#applicant.forget()
  }
}
