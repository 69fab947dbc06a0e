/** What a node has counted since its start: for status pages and metrics. */
export interface Totals {
  /** Over WebSockets; pings and the like do not count. */
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Messages that were answered with an error, by its code, and upgrades that were refused, by their status: `http_401`. */
  readonly rejections: Readonly<Record<string, number>>
}

/** Counts over all connections of a node, those that are gone included. */
export class Counters {
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  readonly #rejections = new Map<string, number>()

  countRejection (reason: string): void {
    this.#rejections.set(reason, (this.#rejections.get(reason) ?? 0) + 1)
  }

  get totals (): Totals {
    const { messagesIn, messagesOut, bytesIn, bytesOut } = this
    return { messagesIn, messagesOut, bytesIn, bytesOut, rejections: Object.fromEntries(this.#rejections) }
  }
}
