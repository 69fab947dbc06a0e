import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
import type { DocumentedRoute } from '../../lib/asyncapi/documented-route.ts'
import type { PageModules } from '../../lib/api-page/render/page-modules.ts'

/** For servers without @fastify/helmet. The page has no inline script, and calls only its own server. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'"

/** What the page shows and tries, as soon as the server is ready. */
export interface PageSource {
  readonly document: () => AsyncApiDocument
  readonly routes: () => readonly DocumentedRoute[]
}

/** Serves the page of the document at `path`, and below it the styles, the contracts and the modules of its script. */
export function addPageRoutes (app: FastifyInstance, path: string, options: () => object, source: PageSource): void {
  // The modules are many, small and in memory: a limit on requests would stop the page.
  const unlimited = () => ({ ...options(), config: { rateLimit: false as const } })
  const made: { modules?: PageModules, contracts?: string } = {}
  const modules = async () => {
    const { readPageModules } = await import('../../lib/api-page/render/page-modules.ts')
    made.modules ??= readPageModules()
    return made.modules
  }
  app.get(path, options(), async (request, reply) => {
    const { renderPage } = await import('../../lib/api-page/render/page.ts')
    const html = renderPage(source.document(), relativePath(request), await modules())
    return protect(reply).type('text/html; charset=utf-8').send(html)
  })
  app.get(`${path}/page.css`, unlimited(), async (_request, reply) => {
    const { style } = await import('../../lib/api-page/render/style.ts')
    return protect(reply).type('text/css; charset=utf-8').send(style)
  })
  app.get(`${path}/contracts.js`, unlimited(), async (_request, reply) => {
    const { contractsScript } = await import('../../lib/api-page/contracts/contracts-script.ts')
    made.contracts ??= contractsScript(source.routes())
    return sendScript(protect(reply), made.contracts)
  })
  app.get<{ Params: ModuleParams }>(`${path}/modules/:version/*`, unlimited(), async (request, reply) => {
    const { version, files } = await modules()
    const text = request.params.version === version ? files.get(request.params['*']) : undefined
    if (text === undefined) return reply.callNotFound()
    return sendScript(protect(reply, 'private, max-age=31536000, immutable'), text)
  })
}

interface ModuleParams { readonly version: string, readonly '*': string }

/** The path of the page relative to itself, because a proxy may serve it elsewhere: `./asyncapi`, or `../asyncapi`. */
function relativePath ({ url }: FastifyRequest): string {
  const [path] = url.split('?') as [string]
  const last = path.split('/').filter((part) => part !== '').at(-1)
  return `${path.endsWith('/') ? '..' : '.'}/${last}`
}

/** The policy of the application goes first, such as that of @fastify/helmet. */
function protect (reply: FastifyReply, caching = 'private, no-cache'): FastifyReply {
  if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', policy)
  return reply.header('x-content-type-options', 'nosniff').header('cache-control', caching)
}

function sendScript (reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/javascript; charset=utf-8').send(text)
}
