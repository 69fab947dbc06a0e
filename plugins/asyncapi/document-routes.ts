import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
import type { DocumentedRoute } from '../../lib/asyncapi/documented-route.ts'
import type { AsyncApiOptions } from './asyncapi-options.ts'
import { addPageRoutes } from './page-routes.ts'
import type { RegisteredRoutes } from './registered-routes.ts'

/**
 * Serves the document and its page. The document is made when the server is ready, so that a wrong example of a
 * contract is found before the first request.
 */
export function addDocumentRoutes (
  app: FastifyInstance, routes: RegisteredRoutes,
  { path = '/asyncapi', page = process.env.NODE_ENV !== 'production', onRequest = [] }: AsyncApiOptions
): void {
  // Plugins such as @fastify/rate-limit add their hooks to the array of a route.
  const options = () => ({ schema: { hide: true } as object, onRequest: [onRequest as onRequestHookHandler[]].flat() })
  const made: { document?: AsyncApiDocument, routes?: readonly DocumentedRoute[] } = {}
  app.addHook('onReady', async () => {
    made.document = await routes.document()
    made.routes = await routes.documented()
  })
  app.get(`${path}.json`, options(), async (_request, reply) => reply.send(made.document))
  app.get(`${path}.yaml`, options(), async (_request, reply) => {
    const { yamlOf } = await import('../../lib/asyncapi/yaml.ts')
    return reply.type('application/yaml').send(await yamlOf(made.document as AsyncApiDocument))
  })
  if (!page) return
  addPageRoutes(app, path, options, {
    document: () => made.document as AsyncApiDocument, routes: () => made.routes as readonly DocumentedRoute[]
  })
}
