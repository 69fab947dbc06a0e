import type { AnyChannel } from '../contract/define-channel.ts'
import type { JsonSchema } from './schema/json-schema.ts'

/** Where a token may travel in an upgrade. `cookie`: in the cookie of this name. */
export type TokenCarrier = 'header' | 'subprotocol' | 'query' | { readonly cookie: string }

/** A WebSocket route, as far as its document is concerned. */
export interface DocumentedRoute {
  /** The path of the route, with the prefix of its plugin. */
  readonly url: string
  readonly contracts: readonly AnyChannel[]
  /** Where the route takes a token from. Empty for a route without a token check. */
  readonly carriers?: readonly TokenCarrier[]
  /** How the application identifies users otherwise: its own security schemes, by name. */
  readonly securitySchemes?: Readonly<Record<string, JsonSchema>>
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  /** The schemas of the route's query, headers and params, as JSON Schema. */
  readonly query?: JsonSchema
  readonly headers?: JsonSchema
  readonly params?: JsonSchema
  /** What one connection may use. */
  readonly limits?: Readonly<Record<string, unknown>>
}

/** What a document says beside the routes. */
export interface AsyncApiSettings {
  /** @default a title and a version that say nothing */
  readonly info?: Readonly<Record<string, unknown>> & { readonly title: string, readonly version: string }
  readonly servers?: Readonly<Record<string, Readonly<Record<string, unknown>> & {
    readonly host: string, readonly protocol: string
  }>>
}
