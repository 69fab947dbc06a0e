import type { TokenCarrier } from '../../asyncapi/documented-route.ts'
import type { PageSchema } from './page-schema.ts'

/** A schema on the page: the check that TypeBox generated, and the schema itself for forms and pointers. */
export interface CheckedSchema {
  readonly check: (value: unknown) => boolean
  readonly schema: PageSchema
  /** A value of the schema. Undefined where none could be made up. */
  readonly example?: unknown
}

/** The index of a schema in `schemas`. Undefined where a message has no such part. */
export type SchemaIndex = number | undefined

/** A message that the page can send. */
export interface PageMessage {
  readonly payload?: SchemaIndex
  readonly reply?: SchemaIndex
  /** The declared errors, by their code. */
  readonly errors: Readonly<Record<string, number>>
}

/** The messages of a contract, or those of a connection: its pattern is empty. */
export interface PageChannel {
  readonly pattern: string
  readonly names: readonly string[]
  readonly params?: SchemaIndex
  readonly hasHistory: boolean
  readonly fromClient: Readonly<Record<string, PageMessage>>
  /** The payloads of messages from the server, by their type; `null` for a message without one. */
  readonly fromServer: Readonly<Record<string, number | null>>
}

/** A WebSocket route, and how a page may send a token to it. */
export interface PageRoute {
  readonly url: string
  readonly carriers: readonly TokenCarrier[]
  readonly channels: readonly PageChannel[]
}

/** What the script that the server generates exports. */
export interface PageContracts {
  readonly schemas: readonly CheckedSchema[]
  readonly routes: readonly PageRoute[]
  /** The envelopes of control messages from the server, by what they are: those of `wireSchemas`. */
  readonly control: Readonly<Record<string, number>>
}
