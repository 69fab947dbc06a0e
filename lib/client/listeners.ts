/** Removes a listener. Calling it a second time has no effect. */
export type Unsubscribe = () => void

/** Takes an error that a listener threw. */
export type Report = (error: unknown) => void

/** The listeners for one kind of event. An error of one listener is reported and does not stop the others. */
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

  /** Calls the current listeners, except those that an earlier listener removes during the call. */
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
