/** Random choices that a seed repeats exactly. */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 to `below - 1`. The generator is mulberry32. */
  below (below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return ((mixed ^ mixed >>> 14) >>> 0) % below
  }

  /** True in `percent` of 100 cases. */
  chance (percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T> (items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}
