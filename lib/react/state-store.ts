/** A value outside of React that components show through `useSyncExternalStore`. */
export class StateStore<T> {
  readonly #changed = new Set<() => void>()
  #value: T

  constructor (initial: T) {
    this.#value = initial
  }

  readonly value = (): T => this.#value

  set (value: T): void {
    this.#value = value
    for (const changed of [...this.#changed]) changed()
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#changed.add(changed)
    return () => { this.#changed.delete(changed) }
  }
}
