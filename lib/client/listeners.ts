/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void

/** Takes what a listener threw. */
export type Report = (error: unknown) => void

/** The functions subscribed to one thing. One that throws neither stops the others nor whoever calls them. */
export class Listeners<A extends unknown[]> {
  readonly #report: Report
  readonly #subscriptions = new Set<{ readonly fn: (...args: A) => void }>()

  constructor (report: Report) {
    this.#report = report
  }

  add (fn: (...args: A) => void): Unsubscribe {
    const subscription = { fn }
    this.#subscriptions.add(subscription)
    return () => { this.#subscriptions.delete(subscription) }
  }

  /** Calls those subscribed now; whoever is unsubscribed by another on the way is not called any more. */
  call (...args: A): void {
    for (const subscription of [...this.#subscriptions]) {
      if (this.#subscriptions.has(subscription)) this.#callOne(subscription.fn, args)
    }
  }

  #callOne (fn: (...args: A) => void, args: A): void {
    try {
      fn(...args)
    } catch (error) {
      this.#report(error)
    }
  }
}
