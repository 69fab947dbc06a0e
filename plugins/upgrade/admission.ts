import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import type { QuotaAnswer, QuotaOutcome } from '../../lib/cluster/quota.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Limits } from '../../lib/limits/limits.ts'
import { addressGroup, ConnectionQuota, HeldQuotas, type Held } from '../../lib/limits/connection-quota.ts'
import { withTimeout } from '../../lib/server/with-timeout.ts'
import { ServerFull, TooManyConnections } from '../errors.ts'
import type { Attempt } from './attempt.ts'

/** Milliseconds that the adapter gets to count a user's connections on all nodes. */
const quotaTimeoutMs = 1_000

/** Quotas of this node and of its addresses. */
interface SourceQuotas { readonly server: ConnectionQuota, readonly ips: ConnectionQuota }

/**
 * The connection quotas. An upgrade under way is an attempt: attempts have quotas of their own, of the same size, so
 * that those which hang or are refused take nothing from connections. So have plain requests. An upgrade takes the
 * quotas of its connection in its last hook, so that many simultaneous ones cannot pass together.
 */
export class Admission {
  readonly #attempts: SourceQuotas
  readonly #plainRequests: SourceQuotas
  readonly #connections: SourceQuotas
  readonly #users: ConnectionQuota
  readonly #perUser: number
  readonly #adapter: Adapter
  readonly #clock: Clock

  constructor ({ connections, perIp, perUser }: Limits, adapter: Adapter, clock: Clock) {
    const quotas = () => ({ server: new ConnectionQuota(connections), ips: new ConnectionQuota(perIp) })
    this.#perUser = perUser
    this.#adapter = adapter
    this.#clock = clock
    this.#attempts = quotas()
    this.#plainRequests = quotas()
    this.#connections = quotas()
    this.#users = new ConnectionQuota(perUser)
  }

  /**
   * Begins an attempt, which ends with `admit`, with its socket, or with the answer to a plain request. Refuses it
   * before authentication when no connection of its source would be admitted.
   * @throws {ServerFull} 503 @throws {TooManyConnections} 429
   */
  begin (request: FastifyRequest, reply: FastifyReply, { quotas }: Attempt): void {
    const source = addressGroup(request.ip)
    requireRoom(this.#connections, source)
    const sourceQuotas = request.ws ? this.#attempts : this.#plainRequests
    requireRoom(sourceQuotas, source)
    takeSource(sourceQuotas, source, quotas)
    endWith(request, reply, quotas)
  }

  /**
   * Ends an attempt and counts its connection: of the user on all nodes, or on this node alone while the others cannot
   * be reached. Of a plain request it only checks that its connection would be counted. From then on the attempt holds
   * the quotas of its connection.
   * @throws {ServerFull} 503 @throws {TooManyConnections} 429
   */
  admit (request: FastifyRequest, { quotas, id, authenticated }: Attempt): Promise<void> | undefined {
    const source = addressGroup(request.ip)
    const userId = authenticated?.userId
    requireRoom(this.#connections, source)
    if (userId !== undefined && !this.#users.hasRoom(userId)) throw new TooManyConnections('user')
    const connection = new HeldQuotas()
    const answer = userId === undefined ? granted : this.#ask(userId, request.ws ? id : undefined, connection)
    // An upgrade takes what a plain request only checks.
    if (request.ws) takeSource(this.#connections, source, connection)
    const settle = (outcome: QuotaOutcome) => handOver(outcome, connection, quotas)
    if ('granted' in answer) return settle(answer)
    return withTimeout(this.#clock, quotaTimeoutMs, answer).catch(() => granted).then(settle)
  }

  /** From now on the connection gives its quotas back. A second listener for it would be 210 bytes of each. */
  complete ({ raw: { socket } }: FastifyRequest): void {
    socket.removeListener('close', endHeld)
  }

  /** @param connectionId undefined for a plain request */
  #ask (userId: string, connectionId: string | undefined, held: HeldQuotas): QuotaAnswer {
    const { quota } = this.#adapter
    if (connectionId === undefined) return answerOf(() => quota.check(userId, this.#perUser))
    const answer = answerOf(() => quota.acquire(userId, connectionId, this.#perUser))
    held.add(new AcquiredQuota(quota, userId, connectionId, answer))
    held.take(this.#users, userId)
    return answer
  }
}

/** Also where the other nodes cannot be reached: then the quota of this node alone counts. */
const granted = { granted: true } as const

/** An adapter may throw as well as reject, because it may answer at once. */
function answerOf (ask: () => QuotaAnswer): QuotaAnswer {
  try {
    return ask()
  } catch {
    return granted
  }
}

/** @throws {TooManyConnections} */
function handOver (outcome: QuotaOutcome, connection: HeldQuotas, quotas: HeldQuotas): undefined {
  if (!outcome.granted) {
    connection.release()
    throw new TooManyConnections('user', outcome.retryAfter)
  }
  quotas.replaceBy(connection)
}

/** @throws {ServerFull} @throws {TooManyConnections} */
function requireRoom ({ server, ips }: SourceQuotas, source: string): void {
  if (!server.hasRoom('')) throw new ServerFull()
  if (!ips.hasRoom(source)) throw new TooManyConnections('address')
}

function takeSource ({ server, ips }: SourceQuotas, source: string, held: HeldQuotas): void {
  held.take(server, '')
  held.take(ips, source)
}

/** A connection that the adapter counts. */
class AcquiredQuota implements Held {
  readonly #quota: Adapter['quota']
  readonly #userId: string
  readonly #connectionId: string
  readonly #answer: QuotaAnswer

  constructor (quota: Adapter['quota'], userId: string, connectionId: string, answer: QuotaAnswer) {
    this.#quota = quota
    this.#userId = userId
    this.#connectionId = connectionId
    this.#answer = answer
  }

  /** A connection whose acquisition failed counts later, so it is released as well. */
  async release (): Promise<void> {
    const { granted: isCounted } = await Promise.resolve(this.#answer).catch(() => granted)
    try {
      if (isCounted) await this.#quota.release(this.#userId, this.#connectionId)
    } catch {
      // The adapter repeats a release that failed.
    }
  }
}

/** Ends what an attempt or its connection holds when the socket closes, or when a plain request is answered. */
function endWith ({ ws, raw: { socket } }: FastifyRequest, { raw }: FastifyReply, held: HeldQuotas): void {
  // A socket that was reset during an asynchronous hook has emitted 'close' already.
  if (socket.closed) held.end()
  else if (ws) endWithClose(socket, held)
  // The answer of `inject` has no end but 'finish', and that to a client that is gone none but 'close'.
  else for (const event of ['finish', 'close']) raw.once(event, () => held.end())
}

/** A property and one listener for all sockets, because a closure for each would be 240 bytes of every connection. */
function endWithClose (socket: HoldingSocket, held: HeldQuotas): void {
  socket[heldBy] = held
  socket.on('close', endHeld)
}

const heldBy = Symbol('fastify-channels.held')

type HoldingSocket = Socket & { [heldBy]?: HeldQuotas }

function endHeld (this: HoldingSocket): void {
  this[heldBy]?.end()
}
