/** The name of a new epoch of a history or a presence list. `random`: a number of [0, 1). */
export function newEpoch (random: () => number): string {
  return random().toString(36).slice(2, 12).padEnd(10, '0')
}
