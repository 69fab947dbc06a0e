/** Counted by a node since its start, for status pages and metrics. */
export interface Totals {
  /** WebSocket messages; control frames such as pings are not counted. */
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /**
   * Messages answered with an error, by error code; and refused upgrades, by HTTP status: `http_401`.
   */
  readonly rejections: Readonly<Record<string, number>>
}

/** Counts over all connections of a node, closed ones included. */
export class Counters {
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  readonly #rejections = new Map<string, number>()

  countReceived (bytes: number): void {
    this.messagesIn++
    this.bytesIn += bytes
  }

  countSent (bytes: number): void {
    this.messagesOut++
    this.bytesOut += bytes
  }

  countRejection (reason: string): void {
    this.#rejections.set(reason, (this.#rejections.get(reason) ?? 0) + 1)
  }

  get totals (): Totals {
    const { messagesIn, messagesOut, bytesIn, bytesOut } = this
    return { messagesIn, messagesOut, bytesIn, bytesOut, rejections: Object.fromEntries(this.#rejections) }
  }
}
