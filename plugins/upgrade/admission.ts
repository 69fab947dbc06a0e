import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import type { QuotaOutcome } from '../../lib/cluster/quota.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Limits } from '../../lib/limits/limits.ts'
import { addressGroup, ConnectionQuota } from '../../lib/limits/connection-quota.ts'
import { withTimeout } from '../../lib/server/with-timeout.ts'
import { ServerFull, TooManyConnections } from '../errors.ts'

/** Seconds (RFC 9110 section 10.2.3). A guess, because a quota becomes free when some connection closes. */
const retryAfterSeconds = '5'

/** Milliseconds that the adapter gets to count a user's connections on all nodes. */
const quotaTimeoutMs = 1_000

/**
 * The connection quotas, checked before the upgrade. An upgrade counts from its check until its socket closes, so that
 * many simultaneous upgrades cannot pass together.
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
    if (!this.#take(this.#ips, addressGroup(request.ip), request, reply)) throw new TooManyConnections('address')
  }

  /** Counts on all nodes; on this node alone while the others cannot be reached. @throws {TooManyConnections} 429 */
  async byUser (userId: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (userId === undefined) return
    if (!this.#take(this.#users, userId, request, reply)) throw new TooManyConnections('user')
    if (!request.ws) return
    const acquired = await this.#acquire(userId, request.raw.socket)
    if (acquired.granted) return
    reply.header('retry-after', Math.ceil(acquired.retryAfter / 1_000))
    throw new TooManyConnections('user')
  }

  async #acquire (userId: string, socket: Socket): Promise<QuotaOutcome> {
    const { quota } = this.#adapter
    const connectionId = randomUUID()
    // The adapter repeats a release that failed.
    const release = () => { quota.release(userId, connectionId).catch(() => {}) }
    // A connection whose acquisition failed counts later, so it is released as well.
    const acquiring = quota.acquire(userId, connectionId, this.#perUser)
    acquiring.catch(() => ({ granted: true })).then(({ granted }) => {
      if (granted && socket.closed) release()
      else if (granted) socket.once('close', release)
    })
    return withTimeout(this.#clock, quotaTimeoutMs, acquiring).catch(() => ({ granted: true }))
  }

  #take (quota: ConnectionQuota, key: string, request: FastifyRequest, reply: FastifyReply): boolean {
    const { socket } = request.raw
    const isTaken = quota.acquireQuota(key)
    if (isTaken && !request.ws) quota.releaseQuota(key)
    // A socket that was reset during an asynchronous hook has emitted 'close' already.
    else if (isTaken && socket.closed) quota.releaseQuota(key)
    else if (isTaken) socket.once('close', () => quota.releaseQuota(key))
    else reply.header('retry-after', retryAfterSeconds)
    return isTaken
  }
}
