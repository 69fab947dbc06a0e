import type { Envelope } from '../../../lib/protocol/envelope.ts'
import type { PresenceChange, PresenceEntry } from '../../../lib/protocol/control-messages.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import type { Ledger } from './ledger.ts'

/** A message of a channel; persistent ones have a position. */
export interface Entry extends Envelope {
  readonly offset: number
  readonly hash: string
  readonly prev: string
  readonly id: string
}

/** What the ack of a join and `resync` say of a history. */
interface Recovered extends Position {
  readonly recovered?: boolean
  readonly messages: readonly Entry[]
}

/** One membership of a client, from the ack of its join, or from `joined`. */
export class Membership {
  readonly channel: string
  /** Whether the server added the client, so that a join of it is answered like any other. */
  readonly isAdded: boolean
  readonly present = new Set<string>()
  /** The ephemeral messages that it got, each as its type and its number. */
  readonly heard = new Set<string>()
  readonly #user: string
  readonly #ledger: Ledger
  readonly #newestOf = new Map<number, number>()
  #position: Position = { epoch: '', offset: 0, hash: '' }

  constructor (
    channel: string, user: string, ledger: Ledger, ack: object, since: Position | undefined, isAdded: boolean
  ) {
    this.channel = channel
    this.isAdded = isAdded
    this.#user = user
    this.#ledger = ledger
    for (const entry of (ack as { presence: PresenceEntry[] }).presence) this.present.add(entry.user)
    if (!this.present.has(user)) throw new Error('the ack of a join lacks its own user')
    ledger.graces.listed(channel, this.present)
    this.#recover(ack as Recovered, since)
  }

  /** The newest position that the client has. */
  get position (): Position {
    return this.#position
  }

  take (envelope: Entry): void {
    const { type, payload } = envelope
    if (type === 'presence') return this.#change(payload as PresenceChange)
    if (type === 'resync') return this.#recover(payload as Recovered, undefined)
    this.#requireTenant(payload as { tenant: string })
    if (type === 'written') this.#append(envelope)
    if (type === 'pointed') this.heard.add(`pointed ${(payload as { at: number }).at}`)
    if (type === 'said') this.#hear((payload as { n: number }).n)
  }

  /** Takes older entries: they follow each other, and are those that others got. */
  takePage ({ messages }: { readonly messages: readonly Entry[] }): void {
    for (const [i, { offset, prev, payload }] of messages.entries()) {
      const before = messages[i - 1]
      if (before && (before.offset + 1 !== offset || before.hash !== prev)) throw new Error('a page with a hole')
      this.#ledger.seen(this.channel, this.#position.epoch, offset, (payload as { n: number }).n)
    }
  }

  #change ({ joined = [], left = [] }: PresenceChange): void {
    for (const { user } of joined) {
      if (user === this.#user) throw new Error('a message about the own join')
      if (this.present.has(user)) throw new Error('a present user joined')
      this.present.add(user)
    }
    for (const user of left) {
      if (!this.present.delete(user)) throw new Error('an absent user left')
      this.#ledger.graces.left(this.channel, user)
    }
  }

  #recover ({ epoch, offset, hash, recovered, messages }: Recovered, since: Position | undefined): void {
    this.#ledger.count(recovered ? 'recovered' : 'not recovered')
    const first = messages[0]
    const isWhole = recovered === true && since !== undefined
    if (isWhole && since.offset + messages.length !== offset) throw new Error('a recovery with a hole')
    this.#position = isWhole
      ? since
      : first ? { epoch, offset: first.offset - 1, hash: first.prev } : { epoch, offset, hash }
    for (const entry of messages) this.#append(entry)
    if (this.#position.offset !== offset || this.#position.hash !== hash) throw new Error('a recovery ends too early')
    this.#position = { epoch, offset, hash }
  }

  #append ({ offset, hash, prev, payload }: Entry): void {
    const { epoch } = this.#position
    this.#requireTenant(payload as { tenant: string })
    if (offset !== this.#position.offset + 1) throw new Error(`a hole or a repetition after ${this.#position.offset}`)
    if (prev !== this.#position.hash) throw new Error('an entry that does not follow the one before it')
    this.#ledger.seen(this.channel, epoch, offset, (payload as { n: number }).n)
    this.#position = { epoch, offset, hash }
  }

  /** Of one sender, ephemeral messages arrive in the order in which they were sent. */
  #hear (n: number): void {
    this.heard.add(`said ${n}`)
    const sender = this.#ledger.senderOf(n)
    if (n <= (this.#newestOf.get(sender) ?? -1)) throw new Error('an ephemeral message out of order')
    this.#newestOf.set(sender, n)
  }

  #requireTenant ({ tenant }: { tenant: string }): void {
    if (tenant !== this.channel.split('/')[1]) throw new Error('a message of another tenant')
  }
}
