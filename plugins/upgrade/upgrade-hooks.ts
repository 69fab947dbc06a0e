import type { FastifyError, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import { isMetadata } from '../../lib/connection/metadata.ts'
import type { Connection } from '../../lib/connection/connection.ts'
import type { Identity } from '../../lib/connection/identity.ts'
import { newId } from '../../lib/new-id.ts'
import type { Node } from '../../lib/server/node.ts'
import type { PendingUpgrade } from '../../lib/server/connections/pending-upgrades.ts'
import { moveTokenToHeader } from '../authentication/token-carriers.ts'
import { asTokenRefusal, type Authenticated } from '../authentication/authentication.ts'
import { InvalidMetadata, RefusedForNow, Unauthenticated, UpgradeUndecided } from '../errors.ts'
import type { RefusalLog } from '../refusal-log.ts'
import type { Settings } from '../settings.ts'
import { Admission } from './admission.ts'
import { attemptOf, type Attempt } from './attempt.ts'
import { checkHandshake } from './handshake.ts'
import { originCheck } from './origins.ts'
import { withRetryAfter } from './retry-after.ts'
import type { RouteContracts } from './route-contracts.ts'

/** How one route authenticates a request, and what it keeps of it. */
export interface RouteChecks {
  readonly contracts: RouteContracts
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

  /** @throws {InvalidOptions} for an origin that no browser sends. */
  constructor (node: Node, { limits, clock, origins }: Settings, refusals: RefusalLog) {
    this.#node = node
    this.#refusals = refusals
    this.#admission = new Admission(limits, node.adapter, clock)
    this.#checkOrigin = originCheck(origins)
  }

  /** What the hooks found out about the client of an upgrade; only after they ran. */
  identityOf (request: FastifyRequest, route: string): Identity {
    const { id, authenticated, quotas, contract, locals, metadata } = attemptOf(request)
    const { user, userId, expiresAt, jti, verify } = authenticated as Authenticated
    const unrevoked = this.#unrevoked(verify)
    const credentials = { user, userId, expiresAt, jti, verify: unrevoked }
    return { id, ip: request.ip, route, ...credentials, quotas, contract, locals, metadata }
  }

  /** Call it when the connection of an upgrade is registered. Closes it when its user was disconnected meanwhile. */
  complete (request: FastifyRequest, connection: Connection): void {
    const { upgrade, quotas } = attemptOf(request)
    const event = this.#node.pendingUpgrades.end(upgrade as PendingUpgrade)
    quotas.ended = undefined
    this.#admission.complete(request)
    if (event) connection.close(event)
  }

  /** The hooks of a route, those of the application in their place: after the cheap checks, before authentication. */
  around (route: RouteShorthandOptions, checks: RouteChecks): Hooks {
    return {
      onRequest: [
        (request, reply, done) => this.#check(request, reply) ?? done(),
        ...listOf(route.onRequest),
        async (request) => this.#authenticate(request, checks)
      ],
      preHandler: [...listOf(route.preHandler), (request, _reply, done) => this.#admit(request, checks) ?? done()],
      onError: [...listOf(route.onError), async (request, reply, error) => this.#noteRefusal(request, reply, error)],
      onSend: [
        async (request, reply, payload) => withRetryAfter(reply, payload, attemptOf(request).refusal),
        ...listOf(route.onSend)
      ]
    }
  }

  /** The cheap checks, as one hook, because each hook costs every upgrade some microseconds. */
  #check (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    // An upgrade does not come here then: a plain request gets the same answer.
    if (this.#node.drain.isRefusing) throw new UpgradeUndecided()
    checkHandshake(request, reply)
    const checking = this.#checkOrigin(request)
    if (checking) return checking.then(() => this.#begin(request, reply))
    this.#begin(request, reply)
    return undefined
  }

  #begin (request: FastifyRequest, reply: FastifyReply): void {
    const attempt = attemptOf(request)
    this.#admission.begin(request, reply, attempt)
    try {
      moveTokenToHeader(request)
    } catch (error) {
      throw this.#explained(request, error)
    }
    if (request.ws && !request.raw.socket.closed) this.#beginUpgrade(attempt)
  }

  #beginUpgrade (attempt: Attempt): void {
    const { pendingUpgrades } = this.#node
    const upgrade = attempt.upgrade = pendingUpgrades.begin()
    attempt.quotas.ended = () => { pendingUpgrades.end(upgrade) }
  }

  async #authenticate (request: FastifyRequest, { contracts, authenticate }: RouteChecks): Promise<void> {
    const attempt = attemptOf(request)
    if (contracts.isNamedBy(request)) attempt.contract = await contracts.contractOf(request)
    try {
      const authenticated = await authenticate(request)
      this.#requireUnrevoked(authenticated)
      if (attempt.upgrade) this.#node.pendingUpgrades.identify(attempt.upgrade, authenticated.userId)
      attempt.authenticated = authenticated
    } catch (error) {
      throw this.#explained(request, error)
    }
  }

  /** Undefined unless it has to wait: most upgrades need no promise here. */
  #admit (request: FastifyRequest, checks: RouteChecks): Promise<void> | undefined {
    const attempt = attemptOf(request)
    if (request.ws) attempt.id = newId()
    const keeping = request.ws && (checks.locals || checks.metadata) ? keep(request, attempt, checks) : undefined
    const admit = () => this.#admission.admit(request, attempt)
    const admitting = keeping ? keeping.then(admit) : admit()
    if (admitting) return admitting.then(() => cork(request))
    cork(request)
  }

  /** Logs why a request is refused, which its client is not told. */
  #explained (request: FastifyRequest, error: unknown): unknown {
    if (error instanceof Unauthenticated) this.#refusals.explain(request, error)
    return error
  }

  #noteRefusal (request: FastifyRequest, reply: FastifyReply, error: FastifyError): void {
    this.#node.counters.countRejection(`http_${error.statusCode ?? 500}`)
    if (!(error instanceof RefusedForNow)) return
    attemptOf(request).refusal = error
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

/** The answer to the upgrade and the first message are one write. */
function cork ({ ws, raw }: FastifyRequest): void {
  if (ws) raw.socket.cork()
}

/** Keeps what handlers need of a request. @throws {InvalidMetadata} */
async function keep (request: FastifyRequest, attempt: Attempt, { locals, metadata }: RouteChecks): Promise<void> {
  attempt.locals = await locals?.(request)
  const described = await metadata?.(request) ?? undefined
  if (described !== undefined && !isMetadata(described)) throw new InvalidMetadata(request.routeOptions.url as string)
  attempt.metadata = described
}

function listOf<H> (hooks: H | H[] | undefined): H[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks]
}
