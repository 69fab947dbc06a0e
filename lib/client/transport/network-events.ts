/** An event target that reports changes of the network and of the page, such as a browser's `window`. */
export interface NetworkEventSource {
  /** Adds a listener for `online`, `pageshow`, `visibilitychange` or `pagehide`. */
  addEventListener (type: string, listener: () => void): void
  /** Removes a listener. */
  removeEventListener (type: string, listener: () => void): void
  /** A `visibilitychange` is ignored while `visibilityState` is `hidden`. */
  readonly document?: { readonly visibilityState: string }
}

/**
 * Calls `check` when the connection should be checked: the network is back, the page was restored from the browser's
 * cache, the page became visible. A suspended page receives no events and its timers fire late, so a connection may
 * have ended without notice. Calls `suspend` when the page is left: a browser keeps only a page without a connection.
 * @returns A function that removes the listeners.
 */
export function listenToNetwork (source: NetworkEventSource, check: () => void, suspend: () => void): () => void {
  const checkVisible = () => { if (source.document?.visibilityState !== 'hidden') check() }
  const listeners = { online: check, pageshow: check, visibilitychange: checkVisible, pagehide: suspend }
  for (const [type, listener] of Object.entries(listeners)) source.addEventListener(type, listener)
  return () => {
    for (const [type, listener] of Object.entries(listeners)) source.removeEventListener(type, listener)
  }
}

/** The `window` of a browser; undefined on other platforms. The `window` of React Native has no events. */
export function platformNetworkEvents (): NetworkEventSource | undefined {
  const { window } = globalThis
  return typeof window?.addEventListener === 'function' ? window : undefined
}
