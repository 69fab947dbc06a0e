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

/** What the server says about a message. */
export type Posted = Pick<Entry, 'from' | 'name' | 'text' | 'at'> & { readonly id: string }

/** More would make an old phone slow; the oldest go. */
const limit = 500

/**
 * The messages of a room, each shown once. A message of one's own is known twice, from its ack and from its broadcast,
 * in either order; the first of the two confirms it and the other is ignored. What is not confirmed stays at the end.
 */
export class MessageList {
  #sent: readonly Entry[] = []
  #unsent: readonly Entry[] = []
  #history = 0
  #count = 0

  get entries (): readonly Entry[] {
    return [...this.#sent, ...this.#unsent]
  }

  /**
   * What is known of the room begins anew; what comes up to that place in its log was said before. What is on its way
   * stays.
   */
  begin (offset: number): void {
    this.#sent = []
    this.#history = offset
  }

  /** Shows a message that is on its way, and returns its key. */
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

  /** The server's broadcast, and its place in the room's log. Returns whether it is news. */
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

  /** A failed message is on its way again; returns its text. */
  retried (key: string): string | undefined {
    this.#mark(key, 'sending')
    return this.#unsent.find((e) => e.key === key)?.text
  }

  discard (key: string): void {
    this.#remove(key)
  }

  // The broadcast comes without our key. The same words of the same author are interchangeable, so the oldest will do;
  // a failed one as well, for its reply may have been lost on the way.
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
