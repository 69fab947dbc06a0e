import type { AnyChannel } from '../contract/define-channel.ts'
import { connectTo, type BaseOptions } from './connect-to.ts'
import { errorTexts } from './features/error-texts.ts'
import { explanations } from './features/explanations.ts'
import { FullClient } from './features/full-client.ts'
import { handover } from './features/handover.ts'
import { localChecks } from './features/local-checks.ts'
import { pageEvents, type NetworkEventSource } from './features/page-events.ts'
import { presence } from './features/presence.ts'
import { withContract } from './transport/contract-url.ts'
import type { UntypedClient, TypedClient } from './typed/typed-client.ts'

export interface ConnectOptions extends BaseOptions {
  /**
   * The fingerprint of the contracts that the client is built with, as `npx fastify-channels fingerprint` writes it. It
   * travels in the query of the URL, so that the server knows which clients are there.
   * @default none: the server counts the client as `unknown`
   */
  readonly contract?: string | undefined
  /**
   * The function with which the client asks for the reason of a refused connection, at most every 30 s.
   * @default globalThis.fetch
   */
  readonly fetch?: typeof fetch | undefined
  /**
   * Where the client listens for `online`, `pageshow` and `visibilitychange`. They end a wait to reconnect, and make
   * the client check an open connection.
   * @default `window` in browsers, none elsewhere
   */
  readonly networkEvents?: NetworkEventSource | undefined
}

/**
 * Opens a client for one WebSocket route of the server. The client reconnects until it is closed.
 * @param url `wss:` or `ws:`, also `https:` or `http:`; in a browser it may be relative to the page: `/ws/chat`.
 * @throws {TypeError} When the URL is none of these, or the platform has no WebSocket and none was passed.
 * @example const client = connect('/ws/chat', { token: () => fetchToken() })
 */
export function connect (url: string, options?: ConnectOptions): UntypedClient
/**
 * Opens a client that is typed by the contracts of the route: `connect<typeof chat>(url)` for one contract,
 * `connect<typeof chat | typeof news>(url)` for several.
 * @throws {TypeError} When the URL is none of these, or the platform has no WebSocket and none was passed.
 * @example const client = connect<typeof chat>('/ws/chat')
 */
export function connect<C extends AnyChannel> (url: string, options?: ConnectOptions): TypedClient<C>
export function connect (
  url: string, { contract, fetch, networkEvents, ...options }: ConnectOptions = {}
): unknown {
  const { token } = options
  if (token && typeof token !== 'function') throw new TypeError("'token' is no function: pass { token: () => token }")
  const features = [errorTexts, presence, localChecks, handover, explanations(fetch), pageEvents(networkEvents)]
  return connectTo(contract === undefined ? url : withContract(url, contract), options, FullClient, features)
}
