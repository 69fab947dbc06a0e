/** `sending` until the server confirms it, `failed` when it did not. */
export type Delivery = 'sending' | 'sent' | 'failed'

/** One line of the conversation. `key` stays the same for as long as it is shown, `id` is the server's. */
export interface Entry {
  readonly key: string
  readonly id?: string
  readonly from: string
  readonly name: string
  readonly text: string
  readonly at: number
  readonly delivery: Delivery
}

/** A message as the server broadcasts it. */
export type Posted = Pick<Entry, 'from' | 'name' | 'text' | 'at'> & { readonly id: string }

/** Keeps the newest messages only, because more of them make an old phone slow. */
const limit = 500

/**
 * The messages of a room, each shown once. The list learns of the user's own message twice, from the ack and from the
 * broadcast, in either order: the first confirms it and the second changes nothing. Unconfirmed messages stay at the
 * end.
 */
export class MessageList {
  #sent: readonly Entry[] = []
  #unsent: readonly Entry[] = []
  #history = 0
  #count = 0

  get entries (): readonly Entry[] {
    return [...this.#sent, ...this.#unsent]
  }

  /** Starts again with an empty list. Messages up to `offset` are history. Unconfirmed messages stay. */
  begin (offset: number): void {
    this.#sent = []
    this.#history = offset
  }

  /** Shows a message that is being sent and returns its key. */
  sending (message: Omit<Posted, 'id'>): string {
    const key = `own-${++this.#count}`
    this.#unsent = [...this.#unsent, { ...message, key, delivery: 'sending' }]
    return key
  }

  /** The server's ack: the message `key` now has an `id`. */
  confirmed (key: string, id: string): void {
    const entry = this.#unsent.find((e) => e.key === key)
    if (entry === undefined) return
    this.#remove(key)
    if (!this.#knows(id)) this.#add({ ...entry, id, delivery: 'sent' })
  }

  /** Takes a broadcast with its offset in the room's history. Returns whether the message is new to this list. */
  posted (message: Posted, offset: number): boolean {
    if (this.#knows(message.id)) return false
    const own = this.#awaited(message)
    if (own !== undefined) this.#remove(own.key)
    this.#add({ ...message, key: own?.key ?? message.id, delivery: 'sent' })
    return own === undefined && offset > this.#history
  }

  failed (key: string): void {
    this.#mark(key, 'failed')
  }

  /** Marks a failed message as being sent again and returns its text. */
  retried (key: string): string | undefined {
    this.#mark(key, 'sending')
    return this.#unsent.find((e) => e.key === key)?.text
  }

  discard (key: string): void {
    this.#remove(key)
  }

  // The broadcast does not carry our key. Equal texts of one author are interchangeable, so the oldest will do;
  // a failed one as well, because its reply may have been lost.
  #awaited ({ from, text }: Posted): Entry | undefined {
    return this.#unsent.find((e) => e.from === from && e.text === text)
  }

  #knows (id: string): boolean {
    return this.#sent.some((e) => e.id === id)
  }

  #add (entry: Entry): void {
    this.#sent = [...this.#sent, entry].slice(-limit)
  }

  #remove (key: string): void {
    this.#unsent = this.#unsent.filter((e) => e.key !== key)
  }

  #mark (key: string, delivery: Delivery): void {
    this.#unsent = this.#unsent.map((e) => e.key === key ? { ...e, delivery } : e)
  }
}
