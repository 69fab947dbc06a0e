/** Random numbers and choices that a seed repeats exactly. The generator is mulberry32. */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** A number from 0 to 1, without 1. */
  next (): number {
    return this.#bits() / 2 ** 32
  }

  /** An integer from 0 to `below - 1`. */
  below (below: number): number {
    return this.#bits() % below
  }

  /** True in `percent` of 100 cases. */
  chance (percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T> (items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  #bits (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return (mixed ^ mixed >>> 14) >>> 0
  }
}
