import type { FastifyError, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import { isMetadata, type Metadata } from '../../lib/connection/metadata.ts'
import type { Held } from '../../lib/limits/connection-quota.ts'
import type { Connection } from '../../lib/connection/connection.ts'
import type { Node } from '../../lib/server/node.ts'
import type { PendingUpgrade } from '../../lib/server/connections/pending-upgrades.ts'
import { moveTokenToHeader } from '../authentication/token-carriers.ts'
import { asTokenRefusal, type Authenticated } from '../authentication/authentication.ts'
import { InvalidMetadata, RefusedForNow, Unauthenticated, UpgradeUndecided } from '../errors.ts'
import type { RefusalLog } from '../refusal-log.ts'
import type { Settings } from '../settings.ts'
import { Admission } from './admission.ts'
import { checkHandshake } from './handshake.ts'
import { originCheck } from './origins.ts'
import { withRetryAfter } from './retry-after.ts'

/** What the hooks of a route found out about a request. */
export interface Admitted extends Authenticated {
  readonly locals?: unknown
  readonly metadata?: Metadata | undefined
  readonly quotas: Held
}

/** An upgrade under way, and the listener that ends it with its socket. */
interface Pending {
  readonly upgrade: PendingUpgrade
  readonly end: () => void
}

/** How one route authenticates a request, and what it keeps of it. */
export interface RouteChecks {
  readonly authenticate: (request: FastifyRequest) => Promise<Authenticated>
  readonly locals: ((request: FastifyRequest) => unknown) | undefined
  readonly metadata: ((request: FastifyRequest) => unknown) | undefined
}

type Hooks = Required<Pick<RouteShorthandOptions, 'onRequest' | 'preHandler' | 'onError' | 'onSend'>>

/**
 * The checks between a request and its upgrade, as hooks of its route. A plain request gets the same checks and takes
 * no quota, because a browser does not show a page how an upgrade was refused: the page repeats it as a plain request.
 */
export class UpgradeHooks {
  readonly #node: Node
  readonly #admission: Admission
  readonly #checkOrigin: ReturnType<typeof originCheck>
  readonly #refusals: RefusalLog
  readonly #admitted = new WeakMap<FastifyRequest, Omit<Admitted, 'quotas'> & Partial<Admitted>>()
  readonly #refusedForNow = new WeakMap<FastifyRequest, RefusedForNow>()
  readonly #pending = new WeakMap<FastifyRequest, Pending>()

  /** @throws {InvalidOptions} for an origin that no browser sends. */
  constructor (node: Node, { limits, clock, origins }: Settings, refusals: RefusalLog) {
    this.#node = node
    this.#refusals = refusals
    this.#admission = new Admission(limits, node.adapter, clock)
    this.#checkOrigin = originCheck(origins)
  }

  /** What the hooks found out about a request; only after they ran. */
  of (request: FastifyRequest): Admitted {
    return this.#admitted.get(request) as Admitted
  }

  /** Call it when the connection of an upgrade is registered. Closes it when its user was disconnected meanwhile. */
  complete (request: FastifyRequest, connection: Connection): void {
    const { upgrade, end } = this.#pending.get(request) as Pending
    const event = this.#node.pendingUpgrades.end(upgrade)
    request.raw.socket.removeListener('close', end)
    if (event) connection.close(event)
  }

  /** The hooks of a route, those of the application in their place: after the cheap checks, before authentication. */
  around (route: RouteShorthandOptions, { authenticate, ...checks }: RouteChecks): Hooks {
    return {
      onRequest: [
        async (request, reply) => this.#check(request, reply),
        ...listOf(route.onRequest),
        async (request) => {
          await this.#explaining(request, async () => this.#identify(request, await authenticate(request)))
        }
      ],
      preHandler: [
        ...listOf(route.preHandler),
        async (request) => {
          const kept = request.ws && await keep(request, checks)
          const quotas = await this.#admission.admit(this.of(request).userId, request)
          if (!kept) return
          this.#admitted.set(request, { ...this.of(request), ...kept, quotas })
          // The answer to the upgrade and the first message are one write.
          request.raw.socket.cork()
        }
      ],
      onError: [...listOf(route.onError), async (request, reply, error) => this.#noteRefusal(request, reply, error)],
      onSend: [
        async (request, reply, payload) => withRetryAfter(reply, payload, this.#refusedForNow.get(request)),
        ...listOf(route.onSend)
      ]
    }
  }

  /** The cheap checks, as one hook, because each hook costs every upgrade some microseconds. */
  async #check (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    // An upgrade does not come here then: a plain request gets the same answer.
    if (this.#node.drain.isRefusing) throw new UpgradeUndecided()
    checkHandshake(request, reply)
    const checking = this.#checkOrigin(request)
    if (checking) await checking
    this.#admission.begin(request, reply)
    await this.#explaining(request, () => moveTokenToHeader(request))
    this.#begin(request)
  }

  #begin (request: FastifyRequest): void {
    const { ws, raw: { socket } } = request
    if (!ws || socket.closed) return
    const { pendingUpgrades } = this.#node
    const upgrade = pendingUpgrades.begin()
    const end = () => { pendingUpgrades.end(upgrade) }
    this.#pending.set(request, { upgrade, end })
    socket.once('close', end)
  }

  #identify (request: FastifyRequest, authenticated: Authenticated): void {
    this.#requireUnrevoked(authenticated)
    const pending = this.#pending.get(request)
    if (pending) this.#node.pendingUpgrades.identify(pending.upgrade, authenticated.userId)
    this.#admitted.set(request, { ...authenticated, verify: this.#unrevoked(authenticated.verify) })
  }

  /** Logs why a request is refused, which its client is not told. */
  async #explaining (request: FastifyRequest, authenticate: () => void | Promise<void>): Promise<void> {
    try {
      await authenticate()
    } catch (error) {
      if (error instanceof Unauthenticated) this.#refusals.explain(request, error)
      throw error
    }
  }

  #noteRefusal (request: FastifyRequest, reply: FastifyReply, error: FastifyError): void {
    this.#node.counters.countRejection(`http_${error.statusCode ?? 500}`)
    if (!(error instanceof RefusedForNow)) return
    this.#refusedForNow.set(request, error)
    reply.header('retry-after', error.retryAfterSeconds)
  }

  #unrevoked (verify: Authenticated['verify']): Authenticated['verify'] {
    return verify && (async (token) => {
      try {
        const credentials = await verify(token)
        this.#requireUnrevoked(credentials)
        return credentials
      } catch (error) {
        throw asTokenRefusal(error)
      }
    })
  }

  #requireUnrevoked (credentials: Parameters<Node['revocations']['isRevoked']>[0]): void {
    if (this.#node.revocations.isRevoked(credentials)) throw new Unauthenticated('the user or the token was revoked')
  }
}

/** What handlers need of a request. @throws {InvalidMetadata} */
async function keep (
  request: FastifyRequest, { locals, metadata }: Pick<RouteChecks, 'locals' | 'metadata'>
): Promise<Pick<Admitted, 'locals' | 'metadata'>> {
  const kept = { locals: await locals?.(request), metadata: await metadata?.(request) ?? undefined }
  if (kept.metadata !== undefined && !isMetadata(kept.metadata)) {
    throw new InvalidMetadata(request.routeOptions.url as string)
  }
  return kept as Pick<Admitted, 'locals' | 'metadata'>
}

function listOf<H> (hooks: H | H[] | undefined): H[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks]
}
