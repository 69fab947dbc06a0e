import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../lib/clock.ts'
import { addressGroup } from '../lib/limits/connection-quota.ts'
import { RefusalBudget } from '../lib/limits/refusal-budget.ts'
import type { Unauthenticated } from './errors.ts'

type ChildLoggerFactory = FastifyInstance['childLoggerFactory']

/** A request of a WebSocket route, until it is refused or admitted. */
interface Attempt {
  /** Takes the request out of the budget. Undefined when its lines are not written. */
  readonly giveBack: (() => void) | undefined
  /** Writes the line about its arrival, which waits for the admission. */
  write?: () => void
  isCounted?: boolean
  /** What the line about the failed authentication has told already: Fastify writes no second one. */
  explained?: Unauthenticated
}

/** What Fastify logs: the arrival with the request, everything else with the reply. */
interface Details { readonly req?: FastifyRequest, readonly res?: FastifyReply, readonly err?: unknown }

/**
 * Bounds the lines that Fastify writes about refused requests of WebSocket routes, about three for each of them. It
 * leaves alone the lines of the application, and those about admitted upgrades.
 */
export class RefusalLog {
  readonly #budget: RefusalBudget
  readonly #attempts = new WeakMap<FastifyRequest, Attempt>()

  constructor (app: FastifyInstance, clock: Clock) {
    this.#budget = new RefusalBudget(clock, (statuses) => {
      app.log.info({ statuses }, 'log lines of refused upgrades were suppressed')
    })
    app.addHook('onClose', async () => this.#budget.flush())
  }

  /** The factory of a route: bounds the loggers that `inherited` makes for its requests. */
  around (inherited: ChildLoggerFactory): ChildLoggerFactory {
    const bound = (log: FastifyBaseLogger) => this.#bound(log)
    return function (parent, ...rest) {
      const log = inherited.call(this, parent, ...rest)
      // A logger that is not made for one request alone stays as it is.
      if (log !== parent) bound(log)
      return log
    }
  }

  /** Call it for each upgrade that is admitted, before the connection logs anything. */
  admit (request: FastifyRequest): void {
    const attempt = this.#attempts.get(request)
    attempt?.giveBack?.()
    attempt?.write?.()
  }

  /** Writes why a request was not authenticated, once for each request whose lines are written. */
  explain (request: FastifyRequest, error: Unauthenticated): void {
    const { reason, statusCode } = error
    const attempt = this.#attemptOf(request)
    attempt.explained = error
    if (attempt.giveBack) request.log.info({ reason }, 'authentication failed')
    else this.#suppress(attempt, statusCode)
  }

  #bound (log: FastifyBaseLogger): void {
    const decide = (line: readonly unknown[], write: () => void) => this.#decide(line, write)
    for (const level of ['info', 'error'] as const) {
      const write = log[level] as (...line: unknown[]) => void
      log[level] = function (this: unknown, ...line: unknown[]) { decide(line, () => write.apply(this, line)) }
    }
  }

  #decide ([details, message]: readonly unknown[], write: () => void): void {
    const { req, res, err } = Object(details) as Details
    const request = message === 'incoming request' ? req : res?.request
    if (request?.routeOptions === undefined) return write()
    const attempt = this.#attemptOf(request)
    if (attempt.giveBack) return err !== undefined && err === attempt.explained ? undefined : write()
    if (!res) attempt.write = write
    else this.#suppress(attempt, res.statusCode)
  }

  #suppress (attempt: Attempt, status: number): void {
    if (attempt.isCounted) return
    attempt.isCounted = true
    this.#budget.countSuppressed(String(status))
  }

  #attemptOf (request: FastifyRequest): Attempt {
    const attempt = this.#attempts.get(request) ?? { giveBack: this.#budget.take(addressGroup(request.ip)) }
    this.#attempts.set(request, attempt)
    return attempt
  }
}
