import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import type { QuotaOutcome } from '../../lib/cluster/quota.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Limits } from '../../lib/limits/limits.ts'
import { ConnectionQuota } from '../../lib/limits/connection-quota.ts'
import { withTimeout } from '../../lib/server/with-timeout.ts'
import { ServerFull, TooManyConnections } from '../errors.ts'

/** Seconds (RFC 9110 section 10.2.3). Places are given back when connections end, and nobody knows when that is. */
const retryAfter = '5'

/** Milliseconds that all nodes together get to say whether a user has a place left. */
const patience = 1_000

/**
 * Who still has a place, decided before the switch. A place is taken for an upgrade as soon as it is asked about and kept until
 * its socket closes, so that many at once cannot pass together.
 */
export class Admission {
  readonly #server: ConnectionQuota
  readonly #ips: ConnectionQuota
  readonly #users: ConnectionQuota

  readonly #perUser: number
  readonly #adapter: Adapter
  readonly #clock: Clock

  constructor ({ connections, perIp, perUser }: Limits, adapter: Adapter, clock: Clock) {
    this.#perUser = perUser
    this.#adapter = adapter
    this.#clock = clock
    this.#server = new ConnectionQuota(connections)
    this.#ips = new ConnectionQuota(perIp)
    this.#users = new ConnectionQuota(perUser)
  }

  /** @throws {ServerFull} 503 @throws {TooManyConnections} 429 */
  readonly bySource = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!this.#take(this.#server, '', request, reply)) throw new ServerFull()
    if (!this.#take(this.#ips, request.ip, request, reply)) throw new TooManyConnections('address')
  }

  /** Counted over all nodes; where those cannot be asked, here alone. @throws {TooManyConnections} 429 */
  async byUser (userId: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (userId === undefined) return
    if (!this.#take(this.#users, userId, request, reply)) throw new TooManyConnections('user')
    const reserved = await this.#reserve(userId, request.raw.socket)
    if (reserved.granted) return
    reply.header('retry-after', Math.ceil(reserved.retryAfter / 1_000))
    throw new TooManyConnections('user')
  }

  async #reserve (userId: string, socket: Socket): Promise<QuotaOutcome> {
    const place = randomUUID()
    const free = () => { this.#adapter.quota.release(userId, place).catch(() => {}) }
    const reserving = this.#adapter.quota.acquire(userId, place, this.#perUser)
    // Whatever comes of it, and whenever: a socket that is gone holds nothing.
    reserving.then(({ granted }) => {
      if (granted && socket.closed) free()
      else if (granted) socket.once('close', free)
    }, () => {})
    return withTimeout(this.#clock, patience, reserving).catch(() => ({ granted: true }))
  }

  #take (places: ConnectionQuota, key: string, request: FastifyRequest, reply: FastifyReply): boolean {
    const { socket } = request.raw
    const taken = places.acquireQuota(key)
    // A socket that was reset while we waited for somebody's answer has closed already, and will not say so again.
    if (taken && socket.closed) places.releaseQuota(key)
    else if (taken) socket.once('close', () => places.releaseQuota(key))
    else reply.header('retry-after', retryAfter)
    return taken
  }
}
