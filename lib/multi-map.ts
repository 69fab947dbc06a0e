/**
 * Values by key. Most keys have one value. It needs no set, which would be 190 bytes for each. No value may be a set
 * itself.
 */
export class MultiMap<K, V> {
  readonly #values = new Map<K, V | Set<V>>()

  /** The number of keys that have a value. */
  get size (): number {
    return this.#values.size
  }

  add (key: K, value: V): void {
    const known = this.#values.get(key)
    if (known instanceof Set) known.add(value)
    else if (known === undefined) this.#values.set(key, value)
    else if (known !== value) this.#values.set(key, new Set([known, value]))
  }

  delete (key: K, value: V): void {
    const known = this.#values.get(key)
    if (known instanceof Set) known.delete(value)
    if (known === value || (known instanceof Set && known.size === 0)) this.#values.delete(key)
  }

  /** The values of a key, in the order in which they were added. */
  get (key: K): V[] {
    const known = this.#values.get(key)
    if (known instanceof Set) return [...known]
    return known === undefined ? [] : [known]
  }

  has (key: K, value: V): boolean {
    const known = this.#values.get(key)
    return known instanceof Set ? known.has(value) : known !== undefined && known === value
  }

  /** How many values a key has. */
  count (key: K): number {
    const known = this.#values.get(key)
    return known instanceof Set ? known.size : Number(known !== undefined)
  }
}
