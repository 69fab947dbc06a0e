import type { Clock, Timer } from '../../clock.ts'
import type { Publisher } from './message-kinds.ts'

/** Milliseconds between two probes, and until one that does not come back means that nothing does. */
const every = 1_000
const patience = 2_500

/** A message to oneself, again and again: a connection may be dead without a word, and only what comes back proves that it is not. */
export class Probe {
  readonly name: string
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #silent: () => void
  readonly #back: () => void
  #lastHeard: number
  #isSilent = false
  #roundTrip: number | undefined
  #timer: Timer

  /** `silent` is called again for as long as it lasts. */
  constructor (publisher: Publisher, name: string, clock: Clock, silent: () => void, back: () => void) {
    this.#publisher = publisher
    this.name = name
    this.#clock = clock
    this.#silent = silent
    this.#back = back
    this.#lastHeard = clock.now()
    this.#send()
  }

  get isSilent (): boolean {
    return this.#isSilent
  }

  /** Milliseconds that the last one took that came back; undefined before the first. */
  get roundTrip (): number | undefined {
    return this.#roundTrip
  }

  /** `body`: as it was sent. @throws {TypeError} when it was not sent by us */
  heard (body: Buffer): void {
    const sent = Number(body)
    if (!(sent > 0)) throw new TypeError('a probe of somebody else')
    this.#roundTrip = performance.now() - sent
    this.#lastHeard = this.#clock.now()
    if (!this.#isSilent) return
    this.#isSilent = false
    this.#back()
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #send (): void {
    this.#timer = this.#clock.setTimeout(() => this.#send(), every)
    if (this.#clock.now() - this.#lastHeard > patience) this.#lose()
    this.#publisher.publish(this.name, 'o', now()).catch(() => {})
  }

  /** Whoever is told makes a new connection, which gets the same time. */
  #lose (): void {
    this.#lastHeard = this.#clock.now()
    this.#isSilent = true
    this.#silent()
  }
}

// The clock's whole milliseconds are too coarse for a round trip, and may jump.
const now = () => Buffer.from(String(performance.now()))
