import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
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
  const options = { schema: { hide: true } as object, onRequest: onRequest as onRequestHookHandler[] }
  const made: { document?: AsyncApiDocument } = {}
  app.addHook('onReady', async () => { made.document = await routes.document() })
  app.get(`${path}.json`, options, async (_request, reply) => reply.send(made.document))
  app.get(`${path}.yaml`, options, async (_request, reply) => {
    const { yamlOf } = await import('../../lib/asyncapi/yaml.ts')
    return reply.type('application/yaml').send(await yamlOf(made.document as AsyncApiDocument))
  })
  if (page) addPageRoutes(app, path, options, () => made.document as AsyncApiDocument)
}
