import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'

/** Milliseconds until we go on without Redis. */
const patience = 2_000

/**
 * What this node's tokens are signed with. Nodes behind one load balancer have to agree on it: `JWT_SECRET` says it,
 * or they find it in their Redis, where the first of them has left it. Without either each start makes its own.
 */
export async function tokenSecret (given: string | undefined, redisUrl: string | undefined): Promise<string> {
  if (given) return given
  const secret = randomBytes(32).toString('hex')
  return redisUrl ? await shared(secret, redisUrl).catch(() => secret) : secret
}

async function shared (secret: string, url: string): Promise<string> {
  const redis = new Redis(
    url, { lazyConnect: true, connectTimeout: patience, commandTimeout: patience, retryStrategy: () => null }
  )
  // A client that nobody listens to ends the process when it fails.
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await redis.set('fastify-channels-demo:secret', secret, 'EX', 86_400, 'NX', 'GET') ?? secret
  } finally {
    redis.disconnect()
  }
}
