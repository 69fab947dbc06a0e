import type { Clock } from '../clock.ts'
import type { Client } from './client.ts'
import type { ClientFeature } from './feature.ts'
import type { Report } from './listeners.ts'
import type { ClientSteps } from './requests/client-events.ts'
import { Requests } from './requests/requests.ts'
import type { Target } from './transport/connection.ts'
import { systemClock } from './transport/system-clock.ts'
import type { TokenSource } from './transport/token.ts'
import type { WebSocketConstructor } from './transport/web-socket.ts'

/** The options that every client has. */
export interface BaseOptions {
  /**
   * Returns the token for the next connection, and a new one before the current token expires. An empty string means no
   * token. An attempt to connect fails if `token` fails or takes longer than 10 s; the client then tries again.
   * @default no token
   * @example token: async () => (await fetch('/token')).text()
   */
  readonly token?: TokenSource | undefined
  /**
   * The WebSocket class. Required on platforms without a global one: on Node 20 pass `WebSocket` of the package `ws`.
   * @default globalThis.WebSocket
   */
  readonly WebSocket?: WebSocketConstructor | undefined
  /**
   * Whether `connect` opens a connection. With `false`, the first `join`, `send`, `ready` or `open` does. A client with
   * a relative URL does not connect on a server either, where pages are rendered.
   * @default true
   */
  readonly autoConnect?: boolean | undefined
  /**
   * Milliseconds that a message waits for its reply, and a join for its ack. The server answers within its
   * `handlerTimeout`, 30 000 ms by default.
   * @default 35_000
   */
  readonly timeout?: number | undefined
  /**
   * How many idempotent messages may wait per channel while it is not joined. Others fail with `too_many_pending`.
   * @default 100
   */
  readonly pending?: number | undefined
  /**
   * Takes errors that your listeners throw, and errors of `token` and of the `WebSocket` constructor.
   * @default errors of listeners become uncaught errors; a failed attempt to connect is only followed by another
   */
  readonly onError?: Report | undefined
  /**
   * The clock, for tests.
   * @default the platform's clock
   */
  readonly clock?: Clock | undefined
  /**
   * Returns a random number in [0, 1) for the wait before a reconnect; for tests.
   * @default Math.random
   */
  readonly random?: (() => number) | undefined
}

/** Makes a client of a class, with its features. It knows no contract, and received messages are not validated. */
export function connectTo (
  url: string, options: BaseOptions, Kind: new (requests: Requests) => Client, features: readonly ClientFeature[]
): Client {
  const { token, onError, timeout = 35_000, pending = 100, clock = systemClock, random = Math.random } = options
  const target = () => targetOf(url, options.WebSocket)
  const report = (error: unknown) => queueMicrotask(() => {
    if (!onError) throw error
    onError(error)
  })
  const failed = (error: unknown) => { if (onError) report(error) }
  const deps = { target, token, timeout, pending, clock, random, report, failed }
  const client = new Kind(new Requests(deps, {} as ClientSteps)) // The client and the features give the steps.
  for (const feature of features) feature(client)
  // A server renders pages without a location; the client connects in the browser.
  if (!globalThis.location && url.startsWith('/')) return client
  target()
  if (options.autoConnect !== false) client.open()
  return client
}

function targetOf (text: string, WebSocket: WebSocketConstructor | undefined = globalThis.WebSocket): Target {
  const url = absolute(text).replace(/^http/, 'ws')
  if (!/^wss?:[^#]*$/.test(url)) {
    const advice = 'pass a ws: or wss: URL without a fragment'
    throw new TypeError(`cannot connect to '${text}': ${advice}`)
  }
  if (!WebSocket) throw new TypeError("there is no global WebSocket: pass { WebSocket } of the package 'ws'")
  return { url, WebSocket }
}

function absolute (url: string): string {
  try {
    const { href } = new URL(url, globalThis.location?.href)
    // The `URL` of React Native adds a slash to each path, and that before 0.80 throws for `hash`.
    return href === `${url}/` ? url : href
  } catch {
    return url
  }
}
