import type { TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerOptions, VerifyClientCallbackAsync } from 'ws'
import { ClientRefused, NoSuchRoute } from '../errors.ts'

/** The answer of `verifyClient` to its callback. */
type Verdict = Parameters<Parameters<VerifyClientCallbackAsync>[1]>

/**
 * Makes the checks of `ws` that the application asks for with `path` and `verifyClient`. `ws` itself would answer them
 * with a bare status.
 */
export async function checkClient (
  { path, verifyClient }: ServerOptions, request: FastifyRequest, reply: FastifyReply
): Promise<void> {
  const { url, method, headers, raw } = request
  if (path !== undefined && url.split('?')[0] !== path) throw new NoSuchRoute(method, url)
  if (!verifyClient) return
  const { authorized, encrypted } = raw.socket as Partial<TLSSocket>
  const info = { origin: headers.origin as string, secure: Boolean(authorized || encrypted), req: raw }
  const [isVerified, code, message, ownHeaders = {}] = await new Promise<Verdict>((resolve, reject) => {
    if (verifyClient.length === 2) {
      // An asynchronous function may reject before it calls back.
      Promise.resolve(verifyClient(info, (...verdict) => resolve(verdict)) as unknown).catch(reject)
    } else {
      // A promise is awaited: `ws` takes it for true.
      resolve((async (): Promise<Verdict> => [await (verifyClient as (client: typeof info) => boolean)(info)])())
    }
  })
  if (isVerified) return
  reply.headers({ 'cache-control': 'no-store', ...ownHeaders })
  throw new ClientRefused(code, message)
}
