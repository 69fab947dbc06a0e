import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below those that a system gives to connections: one of those may be taken again before the server that is told of it
 * is there.
 */
const [lowest, highest] = [10_000, 32_000]

/** A port of loopback that nobody listens on, for a server that has to be told one. */
export async function freePort (): Promise<number> {
  const port = randomInt(lowest, highest)
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return freePort()
  }
  server.close()
  await once(server, 'close')
  return port
}
