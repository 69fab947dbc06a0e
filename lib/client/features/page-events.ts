import type { ClientFeature } from '../feature.ts'
import { longestWaitMs } from '../transport/backoff.ts'
import type { Transport } from '../transport/transport.ts'

/** An event target that reports changes of the network and of the page, such as a browser's `window`. */
export interface NetworkEventSource {
  /** Adds a listener for `online`, `pageshow`, `visibilitychange` or `pagehide`. */
  addEventListener (type: string, listener: () => void): void
  /** Removes a listener. */
  removeEventListener (type: string, listener: () => void): void
  /** A `visibilitychange` is ignored while `visibilityState` is `hidden`. */
  readonly document?: { readonly visibilityState: string }
}

/** An open connection may have been lost without an event, so it is probed. A wait to connect ends. */
export function check ({ connection, backoff }: Transport): void {
  if (connection) connection.probe()
  else backoff.skipWait()
}

/**
 * Checks the connection when the network is back, the page was restored from the browser's cache, or the page became
 * visible. A suspended page receives no events and its timers fire late, so a connection may have ended without notice.
 * Has no connection while the page is left, because a browser keeps only a page without one.
 * @param source Where to listen. By default the `window` of a browser, and nowhere on other platforms.
 */
export function pageEvents (source: NetworkEventSource | undefined = platformEvents()): ClientFeature {
  return ({ requests }) => {
    if (!source) return
    const show = () => check(requests)
    const showVisible = () => { if (source.document?.visibilityState !== 'hidden') show() }
    const hide = () => requests.leave('the page was left', longestWaitMs)
    const listeners = { online: show, pageshow: show, visibilitychange: showVisible, pagehide: hide }
    let isListening = false
    requests.events.add('changed', (state) => {
      if (isListening === (state !== 'closed')) return
      isListening = !isListening
      for (const [type, listener] of Object.entries(listeners)) {
        if (isListening) source.addEventListener(type, listener)
        else source.removeEventListener(type, listener)
      }
    })
  }
}

/** The `window` of a browser; undefined on other platforms. The `window` of React Native has no events. */
function platformEvents (): NetworkEventSource | undefined {
  const { window } = globalThis
  return typeof window?.addEventListener === 'function' ? window : undefined
}
