import type { FastifyReply } from 'fastify'

/**
 * The body of a refusal with `retryAfter` in milliseconds, because a page cannot read the header `Retry-After` of
 * another origin. It is added to an answer in the form of Fastify's errors, whichever plugin refuses, and to one with
 * the code of `refusal`. Any other answer of the application stays as it is.
 * @param refusal that of this plugin, which knows the time more exactly than the header, which counts seconds
 */
export function withRetryAfter (
  reply: FastifyReply, payload: unknown, refusal?: { readonly code: string, readonly retryAfter: number }
): unknown {
  const retryAfter = refusal?.retryAfter ?? Number(reply.getHeader('retry-after')) * 1_000
  const body = retryAfter > 0 ? objectIn(payload) : undefined
  if (!body || 'retryAfter' in body) return payload
  const isError = body.statusCode === reply.statusCode || (refusal && body.code === refusal.code)
  return isError ? withLength(reply, JSON.stringify({ ...body, retryAfter })) : payload
}

/** Fastify keeps the length of the answer to a HEAD, which it set before. */
function withLength (reply: FastifyReply, body: string): string {
  if (reply.hasHeader('content-length')) reply.header('content-length', Buffer.byteLength(body))
  return body
}

function objectIn (payload: unknown): Record<string, unknown> | undefined {
  if (typeof payload !== 'string' || !payload.startsWith('{')) return undefined
  try {
    return JSON.parse(payload) as Record<string, unknown>
  } catch {
    return undefined
  }
}
