import type { FastifySchema } from 'fastify'
import type { DocumentedRoute } from '../../lib/asyncapi/documented-route.ts'
import type { DocumentOptions, RegisteredRoute } from './registered-route.ts'
import { plainSchema } from './route-schemas.ts'
import { usedCarriers } from './used-carriers.ts'

/** What @fastify/swagger too knows of a route. */
type RouteSchema = FastifySchema & Pick<DocumentedRoute, 'summary' | 'description' | 'tags'>

/** What is known of routes, for their document. */
export function documentedRoutes (routes: readonly RegisteredRoute[], options: DocumentOptions): DocumentedRoute[] {
  return routes.map((route) => documented(route, options))
}

function documented (route: RegisteredRoute, options: DocumentOptions): DocumentedRoute {
  const { app, url, channels, behaviour: { messageBytes, limits } } = route
  const { carriers, isOwn } = usedCarriers(app, route.protection, options)
  const securitySchemes = isOwn ? options.asyncapi?.securitySchemes : undefined
  const { summary, description, tags, querystring, headers, params } = (route.schema ?? {}) as RouteSchema
  const shared = app.getSchemas()
  const said = {
    securitySchemes,
    summary,
    description,
    tags,
    query: plainSchema(querystring, shared),
    headers: plainSchema(headers, shared),
    params: plainSchema(params, shared)
  }
  return {
    url: pathOf(app.prefix, url),
    contracts: channels.map(({ channel }) => channel),
    carriers,
    limits: { messageBytes, ...limits },
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
  }
}

/** Fastify serves the root of a prefix also without the slash at its end. */
function pathOf (prefix: string, url: string): string {
  return url === '/' && prefix !== '' ? prefix : prefix + url
}
