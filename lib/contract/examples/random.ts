/** Returns a number in [0, 1) with each call. */
export type Random = () => number

/** A source of random numbers that gives the same ones for the same seed (mulberry32). */
export function seededRandom (seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `min` to `max`, both included. */
export function integerBetween (random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1))
}

/** One of the items. There has to be one. */
export function pick<T> (random: Random, items: readonly T[]): T {
  return items[integerBetween(random, 0, items.length - 1)] as T
}
