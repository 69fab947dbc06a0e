import type { AnyChannel } from '../contract/define-channel.ts'
import { Client } from './client.ts'
import { connectTo, type BaseOptions } from './connect-to.ts'
import type { ClientFeature } from './feature.ts'
import { basicSteps } from './features/basic-steps.ts'
import type { CoreClient, UntypedCoreClient } from './typed/core-client.ts'

export interface CoreOptions extends BaseOptions {
  /**
   * What the client does besides, in any order.
   * @default none
   * @example features: [handover, explanations()]
   */
  readonly features?: readonly ClientFeature[] | undefined
}

/**
 * Opens a client for one WebSocket route of the server, as `connect` of `fastify-channels/client` does, with the
 * features that are passed and no others.
 * @throws {TypeError} When the URL is no WebSocket URL, or the platform has no WebSocket and none was passed.
 * @example const client = connect('/ws/chat', { features: [handover] })
 */
export function connect (url: string, options?: CoreOptions): UntypedCoreClient
/**
 * Opens a client that is typed by the contracts of the route: `connect<typeof chat>(url)` for one contract,
 * `connect<typeof chat | typeof news>(url)` for several.
 * @throws {TypeError} When the URL is no WebSocket URL, or the platform has no WebSocket and none was passed.
 * @example const client = connect<typeof chat>('/ws/chat', { features: [handover] })
 */
export function connect<C extends AnyChannel> (url: string, options?: CoreOptions): CoreClient<C>
export function connect (url: string, { features = [], ...options }: CoreOptions = {}): unknown {
  return connectTo(url, options, Client, [basicSteps, ...features])
}
