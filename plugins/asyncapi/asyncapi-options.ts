import { Type } from '@sinclair/typebox'
import type { onRequestHookHandler } from 'fastify'
import type { AsyncApiSettings, DocumentedRoute } from '../../lib/asyncapi/documented-route.ts'
import { flag, optionals } from '../option-schemas.ts'

/** The AsyncAPI document of the WebSocket routes. */
export interface AsyncApiOptions extends AsyncApiSettings {
  /**
   * The document is served at this path with `.json`, and with `.yaml`. Its page is served at the path itself.
   * @default '/asyncapi'
   */
  readonly path?: string | undefined
  /**
   * Whether the page is served, on which people read the document and try its messages.
   * @default true, and false where the environment variable `NODE_ENV` is `production`
   */
  readonly page?: boolean | undefined
  /**
   * How routes with `identify` learn who connects: security schemes of AsyncAPI, by name.
   * @default none
   */
  readonly securitySchemes?: DocumentedRoute['securitySchemes'] | undefined
  /**
   * Decides who may read the document and its page, as any hook of Fastify:
   * `async (request, reply) => reply.code(403).send()`.
   */
  readonly onRequest?: onRequestHookHandler | readonly onRequestHookHandler[] | undefined
}

const named = Type.Object({}, { additionalProperties: Type.Object({}), description: 'an object of objects by name' })
const hook = Type.Function([], Type.Unknown())

export const asyncApiOption = optionals({
  path: Type.String({ pattern: '^/.', description: "a path that begins with '/'" }),
  page: flag,
  info: Type.Object({ title: Type.String(), version: Type.String() }, {
    description: '{ title, version }, both of them texts'
  }),
  servers: named,
  securitySchemes: named,
  onRequest: Type.Union([hook, Type.Array(hook)], { description: 'a function, or an array of functions' })
}, '{ path, page, info, servers }')
