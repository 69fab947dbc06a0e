/** Removes a listener. Calling it a second time has no effect. */
export type Unsubscribe = () => void

/** Takes an error that a listener threw. */
export type Report = (error: unknown) => void

/** The arguments of each event, by its name. */
type Events = Readonly<Record<string, unknown[]>>

interface Subscription<E extends Events, K extends keyof E> {
  readonly name: K
  readonly fn: (...args: E[K]) => void
}

/** Listeners by the name of their event. An error of one listener is reported and does not stop the others. */
export class Listeners<E extends Events> {
  readonly #report: Report
  readonly #subscriptions = new Set<Subscription<E, keyof E>>()

  constructor (report: Report) {
    this.#report = report
  }

  add<K extends keyof E> (name: K, fn: (...args: E[K]) => void): Unsubscribe {
    const subscription = { name, fn } as unknown as Subscription<E, keyof E>
    this.#subscriptions.add(subscription)
    return () => { this.#subscriptions.delete(subscription) }
  }

  /** Calls the current listeners of the event, except those that an earlier listener removes during the call. */
  call<K extends keyof E> (name: K, ...args: E[K]): void {
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.name !== name || !this.#subscriptions.has(subscription)) continue
      try {
        subscription.fn(...args)
      } catch (error) {
        this.#report(error)
      }
    }
  }
}
