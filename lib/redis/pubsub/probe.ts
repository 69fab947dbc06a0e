import type { Clock, Timer } from '../../clock.ts'
import type { Publisher } from './message-kinds.ts'

const intervalMs = 500
/** Four lost probes: after that the connection counts as dead. */
const timeoutMs = 2_000

export interface ProbeListener {
  /** No probe came back in time. Repeated while that lasts. */
  lost (): void
  /** A probe came back again. */
  returned (): void
}

/**
 * Regularly sends a message to this node itself, over Redis. A connection can be dead without an error; only a message
 * that comes back proves that the subscriptions work.
 */
export class Probe {
  readonly name: string
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #listener: ProbeListener
  #lastReturn: number
  #isLost = false
  #roundTrip: number | undefined
  #timer: Timer

  constructor (publisher: Publisher, name: string, clock: Clock, listener: ProbeListener) {
    this.#publisher = publisher
    this.name = name
    this.#clock = clock
    this.#listener = listener
    this.#lastReturn = clock.now()
    this.#schedule()
    this.#send()
  }

  get isLost (): boolean {
    return this.#isLost
  }

  /** Milliseconds that the last returned probe took; undefined before the first. */
  get roundTrip (): number | undefined {
    return this.#roundTrip
  }

  /** Receives a probe. @throws {TypeError} when this node did not send it */
  receive (body: Buffer): void {
    const sentAt = Number(body)
    if (!(sentAt > 0)) throw new TypeError('a probe that this node did not send')
    this.#roundTrip = performance.now() - sentAt
    this.#lastReturn = this.#clock.now()
    if (!this.#isLost) return
    this.#isLost = false
    this.#listener.returned()
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    const dueAt = this.#clock.now() + intervalMs
    this.#timer = this.#clock.setTimeout(() => {
      this.#schedule()
      const now = this.#clock.now()
      // A process that stood still has sent no probes, and has not read what arrived.
      if (now - dueAt > intervalMs) this.#lastReturn = now
      if (now - this.#lastReturn > timeoutMs) this.#lose()
      this.#send()
    }, intervalMs)
  }

  #send (): void {
    // `performance.now`, because whole milliseconds are too coarse for a round trip, and wall time may jump.
    this.#publisher.publish(this.name, 'o', Buffer.from(String(performance.now()))).catch(() => {})
  }

  /** The listener makes a new connection, which gets the whole timeout again. */
  #lose (): void {
    this.#lastReturn = this.#clock.now()
    this.#isLost = true
    this.#listener.lost()
  }
}
