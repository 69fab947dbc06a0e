import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from '../lib/connection/limits.ts'
import { Places } from '../lib/connection/places.ts'
import { ServerFull, TooManyConnections } from './errors.ts'

/** Seconds (RFC 9110 section 10.2.3). Places are given back when connections end, and nobody knows when that is. */
const retryAfter = '5'

/**
 * Who still has a place, decided before the switch. A place is taken for an upgrade as soon as it is asked about and kept until
 * its socket closes, so that many at once cannot pass together.
 */
export class Admission {
  readonly #server: Places
  readonly #ips: Places
  readonly #users: Places

  constructor ({ connections, perIp, perUser }: Limits) {
    this.#server = new Places(connections)
    this.#ips = new Places(perIp)
    this.#users = new Places(perUser)
  }

  /** @throws {ServerFull} 503 @throws {TooManyConnections} 429 */
  readonly bySource = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!this.#take(this.#server, '', request, reply)) throw new ServerFull()
    if (!this.#take(this.#ips, request.ip, request, reply)) throw new TooManyConnections('address')
  }

  /** @throws {TooManyConnections} 429 */
  byUser (userId: string | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (userId !== undefined && !this.#take(this.#users, userId, request, reply)) throw new TooManyConnections('user')
  }

  #take (places: Places, key: string, request: FastifyRequest, reply: FastifyReply): boolean {
    const { socket } = request.raw
    const taken = places.take(key)
    // A socket that was reset while we waited for somebody's answer has closed already, and will not say so again.
    if (taken && socket.closed) places.free(key)
    else if (taken) socket.once('close', () => places.free(key))
    else reply.header('retry-after', retryAfter)
    return taken
  }
}
