import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'

/** For servers without @fastify/helmet. The page has no inline script, and calls only its own server. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'"

/** Serves the page of the document at `path`. `documentOf` is called once the server is ready. */
export function addPageRoutes (
  app: FastifyInstance, path: string, options: object, documentOf: () => AsyncApiDocument
): void {
  app.get(path, options, async (request, reply) => {
    const { renderPage } = await import('../../lib/api-page/render/page.ts')
    const document = relativePath(request)
    protect(reply)
    return reply.type('text/html; charset=utf-8').send(renderPage(documentOf(), {
      document, style: `${document}/page.css`
    }))
  })
  app.get(`${path}/page.css`, options, async (_request, reply) => {
    const { style } = await import('../../lib/api-page/render/style.ts')
    protect(reply)
    return reply.type('text/css; charset=utf-8').send(style)
  })
}

/** The path of the page relative to itself, because a proxy may serve it elsewhere: `./asyncapi`, or `../asyncapi`. */
function relativePath ({ url }: FastifyRequest): string {
  const [path] = url.split('?') as [string]
  const last = path.split('/').filter((part) => part !== '').at(-1)
  return `${path.endsWith('/') ? '..' : '.'}/${last}`
}

/** The policy of the application goes first, such as that of @fastify/helmet. */
function protect (reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff').header('cache-control', 'private, no-cache')
  if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', policy)
}
