import type { Connection } from '../../connection/connection.ts'
import { MessageError, refusal, rateLimited } from '../../protocol/errors.ts'
import { idempotencyId, type AttemptResult } from '../messages/idempotent-messages.ts'
import type { Router, ServedMessage } from '../router.ts'
import { ChannelHandlerContext, MessageHandlerContext } from '../messages/handler-context.ts'
import type { Membership } from '../memberships/membership.ts'
import type { Memberships } from '../memberships/memberships.ts'
import { HistoryPages } from './history-pages.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { Replies } from './replies.ts'
import type { SessionDeps } from './session-deps.ts'

export type Recipient = Pick<Membership, 'served' | 'context'>

/** The declared messages of one connection, and `history`: from the envelope to the handler and the ack. */
export class MessageHandler {
  readonly #connection: Connection
  readonly #router: Router
  readonly #memberships: Memberships
  readonly #replies: Replies
  readonly #historyPages: HistoryPages
  readonly #deps: SessionDeps
  #own: ChannelHandlerContext | undefined

  constructor (
    connection: Connection, router: Router, memberships: Memberships, replies: Replies, deps: SessionDeps
  ) {
    this.#connection = connection
    this.#router = router
    this.#memberships = memberships
    this.#replies = replies
    this.#historyPages = new HistoryPages(connection, memberships, replies)
    this.#deps = deps
  }

  /** The connection's own contract with its context; undefined where the route has none. */
  get own (): Recipient | undefined {
    const served = this.#router.connection
    if (!served) return undefined
    this.#own ??= new ChannelHandlerContext(this.#connection, served, undefined, {}, this.#deps.rooms)
    return { served, context: this.#own }
  }

  /**
   * Validates a message, runs its handler and acks it: at once, unless there is something to wait for.
   *
   * @throws {MessageError} for a message that is refused
   * @throws whatever the handler throws
   */
  handle (message: InboundMessage): void | Promise<void> {
    const { type, channel, correlationId } = message.envelope
    if (channel !== undefined && type === 'history') return this.#historyPages.answer(message, this.#member(channel))
    const recipient = channel === undefined ? this.#connectionItself() : this.#member(channel)
    const { served, context } = recipient
    const declared = served.messages.get(type)
    if (!declared) throw channel === undefined ? unknownOnConnection() : refusal('unknown_type')
    const isIdempotent = declared.idempotent && channel !== undefined && correlationId !== undefined
    if (!isIdempotent) this.#checkRate(declared)
    const payload = validPayload(declared, message)
    if (isIdempotent) {
      const name = served.compiled.nameOf(channel)
      return this.#handleOnce(recipient, declared, message, payload, name, correlationId)
    }
    return this.#run(new MessageHandlerContext(context, declared, message), declared, message, payload)
  }

  #run (
    context: MessageHandlerContext, declared: ServedMessage, message: InboundMessage, payload: unknown
  ): void | Promise<void> {
    const result = declared.handle(context, payload)
    if (isPromise(result) || context.broadcasts) return this.#ackWhenDone(context, declared, message, result)
    this.#replies.ackEncoded(message, declared.encodeReply(result))
  }

  async #ackWhenDone (
    context: MessageHandlerContext, declared: ServedMessage, message: InboundMessage, result: unknown
  ): Promise<void> {
    const value = await result
    if (!context.broadcasts) return this.#replies.ackEncoded(message, declared.encodeReply(value))
    const { payload, offset } = await this.#complete(context, declared, value)
    this.#replies.ack(message, payload, offset)
  }

  /** A repeated message that gets the stored reply does not count towards the rate. */
  async #handleOnce (
    { context }: Recipient, declared: ServedMessage, message: InboundMessage, payload: unknown,
    channel: string, correlationId: string
  ): Promise<void> {
    const { type } = message.envelope
    const id = idempotencyId(this.#connection.userId, channel, correlationId)
    const reply = await this.#deps.idempotentMessages.run({ channel, id, type, payload }, async (appended) => {
      this.#checkRate(declared)
      const own = new MessageHandlerContext(context, declared, message, id, appended)
      const result = await this.#complete(own, declared, declared.handle(own, payload))
      // What an earlier run appended, and this one did not append again, may not have reached the replicas.
      await context.publisher.confirm(appended.filter(({ id }) => result.entries.every((entry) => entry.id !== id)))
      return result
    }, (progress) => { message.progress = progress })
    this.#replies.ack(message, reply.payload, reply.offset)
  }

  /** Waits for the handler and all of its broadcasts: an ack means that they are done. */
  async #complete (
    context: MessageHandlerContext, declared: ServedMessage, result: unknown
  ): Promise<AttemptResult> {
    const value = await result
    await context.broadcasts?.settled()
    const entries = context.broadcasts?.appended ?? []
    return { payload: declared.reply(value), offset: entries.at(-1)?.offset, entries }
  }

  /** @throws {MessageError} `rate_limited` */
  #checkRate ({ rateLimit, rateKey }: ServedMessage): void {
    if (!rateLimit) return
    const { userId, ip } = this.#connection
    // Without a user it counts per address, because a new connection would begin with a full bucket.
    const sender = userId === undefined ? `address ${ip}` : `user ${userId}`
    const waitMs = this.#deps.rateLimits.consume(rateKey, rateLimit, sender)
    if (waitMs > 0) throw rateLimited(waitMs)
  }

  #member (channel: string): Membership {
    const membership = this.#memberships.get(channel)
    if (membership) return membership
    this.#router.require(channel)
    throw refusal('not_joined')
  }

  #connectionItself (): Recipient {
    if (!this.own) throw unknownOnConnection()
    return this.own
  }
}

/** The default text speaks of a channel. */
function unknownOnConnection (): MessageError {
  return new MessageError('unknown_type',
    'the connection has no such message: send it to a channel, or declare it with defineConnection')
}

/** `null` is the absence of a payload, unless the schema accepts it. @throws {MessageError} `invalid_payload` */
function validPayload (declared: ServedMessage, { envelope: { payload } }: InboundMessage): unknown {
  const issue = declared.payload(payload)
  if (!issue) return payload
  if (payload === null && !declared.payload(undefined)) return undefined
  throw refusal('invalid_payload', issue)
}

function isPromise (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
