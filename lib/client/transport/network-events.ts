/** An event target that reports changes of the network and of the page, such as a browser's `window`. */
export interface NetworkEventSource {
  /** Adds a listener for `online`, `pageshow` or `visibilitychange`. */
  addEventListener (type: string, listener: () => void): void
  /** Removes a listener. */
  removeEventListener (type: string, listener: () => void): void
  /** A `visibilitychange` is ignored while `visibilityState` is `hidden`. */
  readonly document?: { readonly visibilityState: string }
}

/** The network is back, the page was restored from the browser's cache, the page became visible. */
const types = ['online', 'pageshow', 'visibilitychange'] as const

/**
 * Calls a function when the connection should be checked. A suspended page receives no events and its timers fire late,
 * so a connection may have ended without notice.
 */
export class NetworkEvents {
  readonly #source: NetworkEventSource
  readonly #check: () => void
  readonly #listeners = types.map((type) => [type, () => { if (!this.#isHidden(type)) this.#check() }] as const)

  constructor (source: NetworkEventSource, check: () => void) {
    this.#source = source
    this.#check = check
    for (const [type, listener] of this.#listeners) source.addEventListener(type, listener)
  }

  stop (): void {
    for (const [type, listener] of this.#listeners) this.#source.removeEventListener(type, listener)
  }

  #isHidden (type: string): boolean {
    return type === 'visibilitychange' && this.#source.document?.visibilityState === 'hidden'
  }
}

/** The `window` of a browser; undefined on other platforms. */
export function platformNetworkEvents (): NetworkEventSource | undefined {
  return globalThis.window
}
