/** What tells that it is worth looking at the connection now; `window` is one. */
export interface NetworkEventSource {
  addEventListener (type: string, listener: () => void): void
  removeEventListener (type: string, listener: () => void): void
  readonly document?: { readonly visibilityState: string }
}

/** The network is there, the page came back from the browser's cache, somebody looks at it. */
const types = ['online', 'pageshow', 'visibilitychange'] as const

/** Calls a function when the world has reason to be another than it was: a sleeping page misses what happens, and its timers are late. */
export class NetworkEvents {
  readonly #source: NetworkEventSource
  readonly #listeners = types.map((type) => [type, () => { if (!this.#isHiding(type)) this.#wake() }] as const)
  readonly #wake: () => void

  constructor (source: NetworkEventSource, wake: () => void) {
    this.#source = source
    this.#wake = wake
    for (const [type, listener] of this.#listeners) source.addEventListener(type, listener)
  }

  stop (): void {
    for (const [type, listener] of this.#listeners) this.#source.removeEventListener(type, listener)
  }

  #isHiding (type: string): boolean {
    return type === 'visibilitychange' && this.#source.document?.visibilityState === 'hidden'
  }
}

/** The window of a browser; undefined elsewhere. */
export function platformNetworkEvents (): NetworkEventSource | undefined {
  return globalThis.window
}
