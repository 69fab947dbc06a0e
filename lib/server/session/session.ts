import type { Connection } from '../../connection/connection.ts'
import { InboundRateLimiter } from '../../limits/inbound-rate-limiter.ts'
import { ReceiveQueue } from '../../connection/receive-queue.ts'
import { ProtocolErrorBudget } from '../../limits/protocol-error-budget.ts'
import { BadEnvelope, readEnvelope, type Envelope } from '../../protocol/envelope.ts'
import { refusal, rateLimited } from '../../protocol/errors.ts'
import { withTimeout } from '../with-timeout.ts'
import { InboundMessage } from './inbound-message.ts'
import { MessageHandler, isPromise } from './message-handler.ts'
import type { LeaveReason } from '../implement.ts'
import { Memberships, type Membership } from './memberships.ts'
import { Replies } from './replies.ts'
import type { Router } from '../router.ts'
import type { SessionDeps } from './session-deps.ts'

/**
 * The inbound side of one connection:
 *
 *   text -> envelope -> the channel's queue -> contract -> validate -> handler -> one reply
 */
export class Session {
  readonly connection: Connection
  readonly memberships: Memberships
  readonly #router: Router
  readonly #handling: MessageHandler
  readonly #services: SessionDeps
  readonly #inbox: ReceiveQueue
  readonly #gate: InboundRateLimiter
  readonly #replies: Replies
  readonly #running = new Set<InboundMessage>()

  constructor (connection: Connection, router: Router, services: SessionDeps) {
    const { clock, rooms, counters, options } = services
    this.connection = connection
    this.memberships = new Memberships(connection, router, rooms, options.limits.channels)
    this.#router = router
    this.#handling = new MessageHandler(connection, router, this.memberships, services)
    this.#services = services
    this.#gate = new InboundRateLimiter(options.limits, clock)
    this.#replies = new Replies(connection, new ProtocolErrorBudget(options.protocolErrors, clock), new ProtocolErrorBudget(options.limits.rateLimitErrors, clock), counters)
    this.#inbox = new ReceiveQueue({
      limit: options.receiveQueueLimit,
      pause: () => connection.pause(),
      resume: () => connection.resume()
    })
  }

  /** Whether the connection's own contract declares that the server sends this. */
  sends (type: string): boolean {
    return this.#router.connection?.compiled.fromServer.has(type) ?? false
  }

  /** One text frame from the peer. Whatever it holds, nothing is thrown. */
  receive (text: string, bytes: number): void {
    const envelope = this.connection.isOpen && this.#read(text)
    if (envelope) this.#accept(new InboundMessage(envelope), bytes)
  }

  /** A ping frame: `ws` has answered it. That costs as much as a message, and is counted as one. */
  pingReceived (): void {
    this.connection.markAlive()
    if (this.#gate.consume('ping', 0) > 0) this.#replies.excess()
  }

  #accept (exchange: InboundMessage, bytes: number): void {
    const { type, channel = '' } = exchange.envelope
    const wait = this.#gate.consume(type, bytes)
    if (wait > 0) this.#replies.refuse(exchange, rateLimited(wait))
    else if (type === 'ping') this.#replies.ack(exchange)
    else if (this.#replies.begin(exchange)) this.#inbox.push(channel, () => this.#handle(exchange))
  }

  /** The server takes the connection out of a channel; false when it was not in it. */
  remove (channel: string, code: string): boolean {
    const membership = this.memberships.leave(channel)
    if (!membership) return false
    this.memberships.notify(channel, code)
    this.#farewell(membership, 'removed')
    return true
  }

  /** Takes the connection out of the channels it may no longer be in. */
  async reauthorize (): Promise<void> {
    for (const channel of await this.memberships.forbidden()) this.remove(channel, 'forbidden')
  }

  /** The connection is gone: nobody waits for what is still being handled, and its rooms are told. */
  end (): void {
    for (const exchange of this.#running) exchange.abort()
    for (const membership of this.memberships.leaveAll(this.#services.options.presenceGrace)) this.#farewell(membership, 'disconnected')
  }

  #read (text: string): Envelope | undefined {
    try {
      return readEnvelope(text)
    } catch (error) {
      const { event } = error as BadEnvelope
      this.connection.log.warn({ code: event.code }, event.reason)
      this.connection.close(event)
    }
  }

  /** The one catch: whatever a message leads to ends here, as its one reply. */
  #handle (exchange: InboundMessage): void | Promise<void> {
    if (!this.connection.isOpen) return
    try {
      const outcome = this.#perform(exchange)
      if (isPromise(outcome)) return this.#wait(exchange, outcome)
      this.#replies.ack(exchange, outcome)
    } catch (error) {
      this.#replies.fail(exchange, error)
    }
  }

  async #wait (exchange: InboundMessage, outcome: PromiseLike<unknown>): Promise<void> {
    const { clock, options } = this.#services
    this.#running.add(exchange)
    try {
      this.#replies.ack(exchange, await withTimeout(clock, options.handlerTimeout, outcome, () => exchange.abort()))
    } catch (error) {
      this.#replies.fail(exchange, error)
    }
    this.#running.delete(exchange)
  }

  /** Does what the message asks for; returns the payload of its ack. */
  #perform (exchange: InboundMessage): unknown {
    const { type, channel = '' } = exchange.envelope
    if (type === 'refresh') return this.#refresh(exchange.envelope.payload)
    if (type === 'join') return this.memberships.join(channel, exchange, (payload, json) => this.#replies.admit(exchange, payload, json))
    return type === 'leave' ? this.#leave(channel) : this.#handling.handle(exchange)
  }

  /** A new token of the same user: the connection lives on with it, in the channels that it still allows. */
  async #refresh (payload: unknown): Promise<void> {
    const { verify, userId } = this.connection
    const { token } = (payload ?? {}) as { token?: unknown }
    if (!verify) throw refusal('unknown_type')
    if (typeof token !== 'string') throw refusal('invalid_payload', { path: '/token', message: 'Expected string' })
    const renewed = await verify(token).catch(() => undefined)
    if (!renewed || renewed.userId !== userId) throw refusal('invalid_token')
    this.connection.renew(renewed)
    await this.reauthorize()
  }

  #leave (channel: string): void {
    const membership = this.memberships.leave(channel)
    if (!membership) throw refusal('not_joined')
    this.#farewell(membership, 'left')
  }

  /** In the channel's queue: a handler that is still running finishes first. */
  #farewell (membership: Membership, reason: LeaveReason): void {
    const { clock, options } = this.#services
    this.#inbox.push(membership.channel, () =>
      withTimeout(clock, options.handlerTimeout, this.memberships.left(membership, reason))
        .catch((err) => membership.context.log.error({ err }, 'left() failed')))
  }
}
