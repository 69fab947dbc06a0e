import type { JsonSchema } from './schema/json-schema.ts'

/** A reference to another part of the document. */
export interface Reference { readonly $ref: string }

/** What the application says about its API. */
export interface AsyncApiInfo {
  readonly title: string
  readonly version: string
  readonly description?: string
  readonly [member: string]: unknown
}

/** One server that the document names. `host` may have a port. */
export interface AsyncApiServer {
  readonly host: string
  /** `wss`, or `ws` without TLS. */
  readonly protocol: string
  readonly pathname?: string
  readonly description?: string
  readonly [member: string]: unknown
}

/** One form of the messages of a channel. Its payload is the whole envelope. */
export interface MessageObject {
  readonly name: string
  readonly payload: JsonSchema
  readonly [member: string]: unknown
}

/** A kind of channel, or the connection itself. */
export interface ChannelObject {
  readonly address: string | null
  readonly messages: Readonly<Record<string, MessageObject | Reference>>
  readonly parameters?: Readonly<Record<string, JsonSchema>>
  readonly [member: string]: unknown
}

/** What the server does with a message. */
export interface OperationObject {
  readonly action: 'send' | 'receive'
  readonly channel: Reference
  readonly messages: readonly Reference[]
  readonly reply?: { readonly channel: Reference, readonly messages: readonly Reference[] }
  readonly [member: string]: unknown
}

/** An AsyncAPI document of version 3.1.0. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.1.0'
  readonly info: AsyncApiInfo
  readonly defaultContentType: 'application/json'
  readonly servers?: Readonly<Record<string, AsyncApiServer>>
  readonly channels: Readonly<Record<string, ChannelObject>>
  readonly operations: Readonly<Record<string, OperationObject>>
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
