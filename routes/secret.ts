import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'

/** Milliseconds after which the demo starts without Redis. */
const timeoutMs = 2_000

/**
 * The secret that signs this node's tokens. Nodes behind one load balancer must share it: `JWT_SECRET` sets it, or the
 * first node stores it in their Redis. Without either, each start makes a new one.
 */
export async function tokenSecret (given: string | undefined, redisUrl: string | undefined): Promise<string> {
  if (given) return given
  const secret = randomBytes(32).toString('hex')
  return redisUrl ? await shared(secret, redisUrl).catch(() => secret) : secret
}

async function shared (secret: string, url: string): Promise<string> {
  const redis = new Redis(
    url, { lazyConnect: true, connectTimeout: timeoutMs, commandTimeout: timeoutMs, retryStrategy: () => null }
  )
  // An `error` event without a listener would end the process.
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await redis.set('fastify-channels-demo:secret', secret, 'EX', 86_400, 'NX', 'GET') ?? secret
  } finally {
    redis.disconnect()
  }
}
