import type { Clock } from '../clock.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { Client } from './client.ts'
import type { Report } from './listeners.ts'
import { systemClock } from './transport/system-clock.ts'
import { Transport } from './transport/transport.ts'
import type { UntypedClient, TypedClient } from './typed-connection.ts'
import { platformNetworkEvents, type NetworkEventSource } from './transport/network-events.ts'
import type { WebSocketConstructor } from './transport/web-socket.ts'

export interface ConnectOptions {
  /**
   * Called before every attempt to connect, so that each brings a valid token; an empty one stands for none. An attempt
   * whose token is not there within 10 s, or whose `token` fails, has failed, and is followed by another.
   */
  readonly token?: () => string | Promise<string>
  /** Needed where the platform has none: on Node 20, pass `WebSocket` of the package `ws`. Default: the global one. */
  readonly WebSocket?: WebSocketConstructor
  /** How long to wait for the reply to a message, and for a join, in milliseconds. Default: 35 000; the server gives up after 30 000. */
  readonly timeout?: number
  /**
   * How many messages declared `once` may wait, per channel, while it is not joined; further ones are rejected with
   * `too_many_pending`. Default: 100.
   */
  readonly pending?: number
  /**
   * Takes what one of your listeners threw, and why `token` or the making of a WebSocket failed. Default: an error of a
   * listener becomes an uncaught one, as with any event listener; a failed attempt is only followed by another.
   */
  readonly onError?: Report
  /**
   * Events that make a wait to reconnect end at once, and a connection be looked at: `online`, `pageshow`, `visibilitychange`.
   * Default: those of the browser's window; elsewhere none.
   */
  readonly networkEvents?: NetworkEventSource
  /** Default: the platform's. For tests. */
  readonly clock?: Clock
  /** A random number of [0, 1), for the wait before a reconnect. Default: `Math.random`. For tests. */
  readonly random?: () => number
}

/**
 * Connects to a WebSocket route of the server, and stays connected.
 * @param url `wss:` or `ws:`; in a browser it may be relative to the page: `/ws/chat`.
 * @throws {TypeError} when the URL is none of these, or there is no WebSocket to connect with.
 */
export function connect (url: string, options?: ConnectOptions): UntypedClient
/** The same, for contracts that are known: `connect<typeof chat>(…)`, or `connect<typeof chat | typeof news>(…)`. */
export function connect<C extends AnyChannel> (url: string, options?: ConnectOptions): TypedClient<C>
// `unknown`: here the types take over. The client itself knows no contract; what the server sends is taken at its word.
export function connect (url: string, options: ConnectOptions = {}): unknown {
  const { token, timeout = 35_000, pending = 100, networkEvents = platformNetworkEvents(), clock = systemClock, random = Math.random, onError } = options
  const report = (error: unknown) => queueMicrotask(() => (onError ?? rethrow)(error))
  return new Client(new Transport({
    url: webSocketUrl(url),
    WebSocket: options.WebSocket ?? globalWebSocket(),
    token,
    timeout,
    pending,
    networkEvents,
    clock,
    random,
    report,
    failed: onError ? report : ignore
  }))
}

function webSocketUrl (text: string): string {
  const { href } = new URL(text, globalThis.location?.href)
  const url = href.replace(/^http/, 'ws')
  if (!/^wss?:/.test(url)) throw new TypeError(`'${text}' is not the URL of a WebSocket`)
  return url
}

function globalWebSocket (): WebSocketConstructor {
  if (globalThis.WebSocket) return globalThis.WebSocket
  throw new TypeError("there is no global WebSocket here: pass the one of the package 'ws', { WebSocket }")
}

function rethrow (error: unknown): void {
  throw error
}

function ignore (): void {}
