/**
 * Deliveries to members after which a loop of broadcasts has to wait for the next iteration of the event loop: 2 to 4
 * ms. Without it, 10,000 messages to 1,000 members kept the loop busy for 1.5 s.
 */
export const maxDeliveries = 20_000

/** Counts the deliveries of a node, so that those who broadcast in a loop leave time to all other work. */
export class Pacing {
  #deliveries = 0
  #nextIteration: Promise<void> | undefined

  count (deliveries: number): void {
    this.#deliveries += deliveries
    if (this.#deliveries < maxDeliveries) return
    this.#deliveries = 0
    this.#nextIteration ??= new Promise((resolve) => setImmediate(() => {
      this.#nextIteration = undefined
      resolve()
    }))
  }

  /** Resolves in the next iteration of the event loop; undefined while there is no need to wait. */
  get pause (): Promise<void> | undefined {
    return this.#nextIteration
  }
}
