import { systemClock, type Clock, type Timer } from '../clock.ts'
import { sampleOf, type Readings } from './sample.ts'

export interface Reader {
  read (): Readings
  close (): void
}

/** The interval of a sample in milliseconds. */
const intervalMs = 1_000

/** This node's metrics, measured once a second. */
export class Sampler {
  readonly #reader: Reader
  readonly #clock: Clock
  #latest: Readonly<Record<string, number>> = {}
  #timer: Timer

  constructor (reader: Reader, clock: Clock = systemClock) {
    this.#reader = reader
    this.#clock = clock
  }

  /** The newest metrics by their catalogue names; empty during the first second. */
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
    }, intervalMs)
  }
}
