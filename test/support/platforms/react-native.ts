import { get } from 'node:http'
import { json } from 'node:stream/consumers'
import { NativeSockets } from './native-sockets.ts'

// Makes this process as poor as React Native before 0.80 is: `node --import`. What is missing there is removed, and
// `WebSocket` and `URL` do what those of its JavaScript part do. With `REACT_NATIVE_BUNDLE` they are those of React
// Native itself.

const native = new NativeSockets()
let lastId = 0

class CloseEvent extends Event {
  readonly code: number
  readonly reason: string

  constructor (code: number, reason: string) {
    super('close')
    this.code = code
    this.reason = reason
  }
}

/** Libraries/WebSocket/WebSocket.js. Its close event has no `wasClean`, and its error event has no message. */
class ReactNativeWebSocket extends EventTarget {
  readyState = 0
  readonly #id = lastId++
  readonly #subscriptions: ReadonlyArray<() => void>

  constructor (url: string, protocols?: string | readonly string[], options: { readonly headers?: object } = {}) {
    super()
    this.#subscriptions = [
      this.#subscribe('websocketOpen', () => {
        this.readyState = 1
        this.dispatchEvent(new Event('open'))
      }),
      this.#subscribe('websocketMessage', ({ data }) => this.dispatchEvent(new MessageEvent('message', { data }))),
      this.#subscribe('websocketClosed', ({ code, reason }) => this.#end(new CloseEvent(Number(code), String(reason)))),
      this.#subscribe('websocketFailed', ({ message }) => {
        this.readyState = 3
        this.dispatchEvent(new Event('error'))
        this.#end(new CloseEvent(1006, String(message)))
      })
    ]
    const list = typeof protocols === 'string' ? [protocols] : Array.isArray(protocols) ? protocols : null
    native.connect(url, list, options, this.#id)
  }

  send (data: string): void {
    if (this.readyState === 0) throw new Error('INVALID_STATE_ERR')
    native.send(data, this.#id)
  }

  close (code = 1000, reason = ''): void {
    if (this.readyState >= 2) return
    this.readyState = 2
    native.close(code, reason, this.#id)
  }

  #subscribe (type: string, listener: (event: Readonly<Record<string, unknown>>) => void): () => void {
    const own = (event: Readonly<Record<string, unknown>>) => { if (event['id'] === this.#id) listener(event) }
    native.on(type, own)
    return () => native.off(type, own)
  }

  #end (event: Event): void {
    this.readyState = 3
    this.dispatchEvent(event)
    for (const unsubscribe of this.#subscriptions) unsubscribe()
  }
}

/** Libraries/Blob/URL.js: it adds a slash to the text, and most members throw. */
class ReactNativeURL {
  readonly href: string

  constructor (url: string, base?: string) {
    if (base !== undefined) throw new TypeError(`Invalid base URL: ${base}`)
    this.href = url.endsWith('/') ? url : `${url}/`
  }

  get hash (): string {
    throw new Error('URL.hash is not implemented')
  }
}

/** That of Node.js needs the `URL` of Node.js. */
function plainFetch (url: string, { headers = {} }: { readonly headers?: Record<string, string> }): Promise<object> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => {
      const { statusCode: status, statusMessage: statusText } = response
      resolve({ status, statusText, json: () => json(response) })
    }).on('error', reject)
  })
}

/** The classes of React Native itself, where its bundle is given. */
async function ownClasses (): Promise<object> {
  const { REACT_NATIVE_BUNDLE: bundle } = process.env
  if (bundle === undefined) return {}
  Object.assign(globalThis, { nativeModules: { WebSocketModule: native } })
  const { emitter, WebSocket, URL } = await import(bundle) as {
    readonly emitter: { emit (type: string, event: object): void }, readonly WebSocket: unknown, readonly URL: unknown
  }
  for (const type of ['websocketOpen', 'websocketMessage', 'websocketClosed', 'websocketFailed']) {
    native.on(type, (event: object) => emitter.emit(type, event))
  }
  return { WebSocket, URL }
}

for (const name of ['crypto', 'atob', 'btoa', 'location', 'DOMException', 'structuredClone']) {
  Reflect.deleteProperty(globalThis, name)
}
Reflect.deleteProperty(AbortSignal, 'timeout')
Object.assign(globalThis, {
  window: globalThis, WebSocket: ReactNativeWebSocket, URL: ReactNativeURL, fetch: plainFetch, ...await ownClasses()
})
for (const name of ['addEventListener', 'removeEventListener', 'document']) Reflect.deleteProperty(globalThis, name)
