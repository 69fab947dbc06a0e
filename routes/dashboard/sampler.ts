import { systemClock, type Clock, type Timer } from '../clock.ts'
import { sampleOf, type Readings } from './sample.ts'

export interface Reader {
  read (): Readings
  close (): void
}

/** Milliseconds that a sample covers. */
const every = 1_000

/** What this node says of itself, anew each second. */
export class Sampler {
  readonly #reader: Reader
  readonly #clock: Clock
  #latest: Readonly<Record<string, number>> = {}
  #timer: Timer

  constructor (reader: Reader, clock: Clock = systemClock) {
    this.#reader = reader
    this.#clock = clock
  }

  /** By the names of the catalogue; nothing for the first second. */
  get latest (): Readonly<Record<string, number>> {
    return this.#latest
  }

  start (): void {
    this.#wait(this.#reader.read())
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
    this.#reader.close()
  }

  #wait (before: Readings): void {
    this.#timer = this.#clock.setTimeout(() => {
      const readings = this.#reader.read()
      this.#latest = sampleOf(before, readings)
      this.#wait(readings)
    }, every)
  }
}
