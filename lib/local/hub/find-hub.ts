import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { HubDirectory } from './hub-directory.ts'

/** This process is the hub of a generation, or it has a connection to the hub. */
export type Found =
  | { readonly server: Server, readonly generation: number }
  | { readonly socket: Socket }

/** Nobody listens at the address: its process has ended. A process that stands still is not among these. */
const deadCodes = new Set<string | undefined>(['ECONNREFUSED', 'ENOENT'])

/** More connections than processes that start at the same time. */
const backlog = 1_024

/**
 * Connects to the hub, or becomes it. A hub is replaced only when nobody listens at its address any more: a hub that
 * stands still keeps its place, because its kernel accepts connections.
 *
 * @throws {Error} when neither is possible now
 */
export async function findHub (directory: HubDirectory): Promise<Found> {
  for (;;) {
    directory.prepare()
    const newest = directory.newest()
    const socket = newest > 0 ? await connectTo(directory.hubAddress(newest)) : undefined
    if (socket) return { socket }
    const generation = newest + 1
    const server = await becomeHub(directory, generation)
    if (server) return { server, generation }
  }
}

/** Resolves to undefined when the hub is gone. */
async function connectTo (address: string): Promise<Socket | undefined> {
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    if (deadCodes.has((error as NodeJS.ErrnoException).code)) return undefined
    throw error
  }
}

/**
 * Listens first and claims then, so that a claim always has a listener. Resolves to undefined when another process was
 * faster.
 */
async function becomeHub (directory: HubDirectory, generation: number): Promise<Server | undefined> {
  const server = createServer()
  const name = `s.${randomBytes(4).toString('hex')}`
  // Otherwise all workers of node:cluster would share one socket of their primary.
  server.listen({ path: directory.socketAddress(name), backlog, exclusive: true })
  await once(server, 'listening')
  let isHub = false
  try {
    isHub = directory.claim(generation, name)
    if (isHub) directory.removeOlderThan(generation)
    return isHub ? server : undefined
  } finally {
    if (!isHub) server.close()
  }
}
