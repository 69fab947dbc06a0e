/** A clock that a test moves. */
export interface AdvancingClock {
  now (): number
  advance (ms: number): void
}

/** The time of the cluster under test: real, shortened, or moved by hand. */
export class TestTime {
  readonly #scale: number
  readonly #clock: AdvancingClock | undefined

  constructor ({ timeScale = 1, clock }: { readonly timeScale?: number, readonly clock?: AdvancingClock }) {
    this.#scale = timeScale
    this.#clock = clock
  }

  /** Milliseconds. */
  now (): number {
    return this.#clock ? this.#clock.now() : Date.now()
  }

  /** A duration of production, in the time of this cluster. */
  scaled (ms: number): number {
    return ms * this.#scale
  }

  /** Moves the cluster's clock. Does nothing where time passes by itself: the rule then waits for an event. */
  advance (ms: number): void {
    this.#clock?.advance(ms)
  }
}
