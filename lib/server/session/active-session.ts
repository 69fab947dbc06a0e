import type { Connection } from '../../connection/connection.ts'
import { CoalescedTask } from '../../coalesced-task.ts'
import { ReceiveQueue } from './receive-queue.ts'
import { InboundRateLimiter } from '../../limits/inbound-rate-limiter.ts'
import { ProtocolErrorBudget } from '../../limits/protocol-error-budget.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import { encodeEnvelope } from '../../protocol/encoding.ts'
import { addressIn } from '../../protocol/envelope.ts'
import { refusal, rateLimited } from '../../protocol/errors.ts'
import { Additions } from '../memberships/additions.ts'
import { Joins } from '../memberships/joins.ts'
import { Memberships } from '../memberships/memberships.ts'
import type { Router } from '../router.ts'
import { readMessage, type InboundMessage } from './inbound-message.ts'
import { Lifecycle } from './lifecycle.ts'
import { MessageHandler } from './message-handler.ts'
import { renewCredentials } from './renew-credentials.ts'
import { Replies } from './replies.ts'
import type { SessionDeps } from './session-deps.ts'

/**
 * The session of a connection that has sent something, or that the application does something with:
 *
 *   WebSocket message -> envelope -> the channel's receive queue -> contract -> validate -> handler -> one reply
 */
export class ActiveSession {
  readonly connection: Connection
  readonly receiveQueue: ReceiveQueue
  readonly #deps: SessionDeps
  readonly #memberships: Memberships
  readonly #joins: Joins
  readonly #additions: Additions
  readonly #replies: Replies
  readonly #handler: MessageHandler
  readonly #lifecycle: Lifecycle
  readonly #rateLimiter: InboundRateLimiter
  readonly #running = new Set<InboundMessage>()
  readonly #reauthorization = new CoalescedTask(() =>
    this.#memberships.checkRights((answer) => this.#inTime(answer), (channel) => this.remove(channel, 'forbidden')))

  constructor (connection: Connection, router: Router, deps: SessionDeps) {
    const { clock, rooms, counters, options: { protocolErrors, receiveQueueLimit } } = deps
    const { limits } = router.route
    this.connection = connection
    this.#deps = deps
    this.#memberships = new Memberships(connection, rooms, limits.channels)
    this.#joins = new Joins(connection, router, rooms, this.#memberships)
    const inTime = (running: Promise<void>, onTimeout?: () => void) => this.#inTime(running, onTimeout)
    this.#additions = new Additions({ connection, joins: this.#joins, memberships: this.#memberships, inTime })
    this.#replies = new Replies(connection, {
      protocolErrors: new ProtocolErrorBudget(protocolErrors, clock),
      rateLimitErrors: new ProtocolErrorBudget(limits.rateLimitErrors, clock),
      counters
    })
    this.#handler = new MessageHandler(connection, router, this.#memberships, this.#replies, deps)
    this.#rateLimiter = new InboundRateLimiter(limits, clock)
    this.receiveQueue = new ReceiveQueue(connection, receiveQueueLimit)
    this.#lifecycle = new Lifecycle({
      connection, route: router.route, own: () => this.#handler.own, receiveQueue: this.receiveQueue, inTime
    })
  }

  /** Takes one WebSocket message. Never throws. */
  receive (data: Buffer, isBinary: boolean): void {
    this.connection.countReceived(data.length)
    const message = this.connection.isOpen && readMessage(this.connection, data, isBinary)
    if (message) this.#accept(message, data.length)
  }

  /** Takes a ping frame, which `ws` has answered. It costs as much as a message, so it counts as one. */
  pingReceived (): void {
    this.connection.markAlive()
    if (this.#rateLimiter.consume('ping', 0) > 0) this.#replies.countExcessPing()
  }

  /** Takes the connection out of a channel, and refuses a join that is under way; false when there was neither. */
  remove (channel: string, code: string): boolean {
    const isJoining = this.#memberships.refuseJoins(channel)
    const membership = this.#memberships.remove(channel)
    if (!membership) return isJoining
    this.connection.send(encodeEnvelope({ type: 'left', channel: membership.address, payload: { code } }))
    this.#lifecycle.leave(membership, 'removed')
    return true
  }

  /** Joins a channel as the client does. Resolves to whether the connection is a member then. */
  add (channel: string): Promise<boolean> {
    const address = addressIn(channel)
    return new Promise((resolve) => this.receiveQueue.push(address, () => this.#additions.run(channel, resolve)))
  }

  /**
   * Takes the connection out of the channels in which `authorize` no longer allows it. Calls during a check share one
   * further check. An `authorize` that takes longer than `handlerTimeout` denies access.
   */
  reauthorize (): Promise<void> {
    this.#memberships.requireReauthorization()
    return this.#reauthorization.run()
  }

  /** Calls the route's `connected`. Messages wait until it is done. */
  start (): void { this.#lifecycle.connect() }

  /** Aborts the signals of running handlers. */
  abort (): void { for (const message of this.#running) message.abort() }

  /**
   * The connection is closed: aborts running handlers, and ends every membership, at once if the client is done.
   * Resolves when the route's `disconnected` is done; undefined where there is none to call.
   */
  end (event?: CloseEvent): Promise<void> | undefined {
    this.abort()
    const isDone = event?.code === closeEvents.normal.code
    const memberships = this.#memberships.leaveAll(isDone ? 0 : this.#deps.options.presenceGrace)
    const lefts = memberships.map((membership) => this.#lifecycle.leave(membership, 'disconnected'))
    return this.#lifecycle.disconnect(lefts, event)
  }

  #accept (message: InboundMessage, bytes: number): void {
    const { type, channel = '' } = message.envelope
    const waitMs = this.#rateLimiter.consume(type, bytes, this.connection.lastSeen)
    const refused = waitMs > 0 ? rateLimited(waitMs) : message.refusal
    if (refused) this.#replies.refuse(message, refused)
    else if (type === 'ping') this.#replies.ack(message)
    else if (this.#replies.begin(message)) this.#lifecycle.enqueue(channel, () => this.#handle(message))
  }

  /** The one catch: an error of any kind becomes the message's one reply. */
  #handle (message: InboundMessage): void | Promise<void> {
    if (!this.connection.isOpen) return
    try {
      const running = this.#run(message)
      if (running) return this.#wait(message, running)
    } catch (error) {
      this.#replies.fail(message, error)
    }
  }

  async #wait (message: InboundMessage, running: Promise<void>): Promise<void> {
    this.#running.add(message)
    try {
      await this.#inTime(running, () => message.abort())
    } catch (error) {
      this.#replies.fail(message, error)
    }
    this.#running.delete(message)
  }

  #run (message: InboundMessage): void | Promise<void> {
    switch (message.envelope.type) {
      case 'join': return this.#join(message)
      case 'leave': return this.#leave(message)
      case 'refresh': return this.#refresh(message)
      default: return this.#handler.handle(message)
    }
  }

  #join (message: InboundMessage): Promise<void> {
    const { channel: address = '', payload } = message.envelope
    return this.#joins.run({
      address,
      payload,
      isAdded: false,
      get isAborted () { return message.isAborted },
      reply: (reply) => this.#replies.ackLarge(message, reply)
    })
  }

  #leave (message: InboundMessage): void {
    const membership = this.#memberships.leave(message.envelope.channel ?? '')
    if (!membership) throw refusal('not_joined')
    this.#lifecycle.leave(membership, 'left')
    this.#replies.ack(message)
  }

  /** Takes a new token of the same user. The connection stays in the channels that the new token still allows. */
  async #refresh (message: InboundMessage): Promise<void> {
    await renewCredentials(this.connection, message.envelope.payload, this.#deps.registry)
    await this.reauthorize()
    this.#replies.ack(message)
  }

  #inTime<T> (running: Promise<T>, onTimeout?: () => void): Promise<T> {
    return this.#deps.timeouts.within(running, onTimeout)
  }
}
