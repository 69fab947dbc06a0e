import type { Connection } from '../../connection/connection.ts'
import { refusal, rateLimited } from '../../protocol/errors.ts'
import { ChannelHandlerContext, MessageHandlerContext } from './handler-context.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { Membership, Memberships } from './memberships.ts'
import { idempotencyId, type AttemptResult, type HandlerResult } from '../idempotent-messages.ts'
import type { Router, ServedChannel, ServedMessage } from '../router.ts'
import type { SessionDeps } from './session-deps.ts'

type Recipient = Pick<Membership, 'served' | 'context'>

interface Identified { readonly type: string, readonly channel: string, readonly correlationId: string }

/** The declared messages of one connection: from a sound envelope to the handler and its reply. */
export class MessageHandler {
  readonly #connection: Connection
  readonly #router: Router
  readonly #memberships: Memberships
  readonly #services: SessionDeps
  #own: ChannelHandlerContext | undefined

  constructor (connection: Connection, router: Router, memberships: Memberships, services: SessionDeps) {
    this.#connection = connection
    this.#router = router
    this.#memberships = memberships
    this.#services = services
  }

  /** Returns the payload of the ack, at once where nothing has to be waited for. @throws {MessageError} for what is refused; what the handler throws */
  handle (exchange: InboundMessage): unknown {
    const { type, channel, correlationId, payload } = exchange.envelope
    const { served, context } = channel === undefined ? this.#itself() : this.#member(channel)
    const message = served.messages.get(type)
    if (!message) throw refusal('unknown_type')
    const isOnce = message.idempotent && channel !== undefined && correlationId !== undefined
    if (!isOnce) this.#spend(message, served, type)
    const fault = message.payload(payload)
    if (fault) throw refusal('invalid_payload', fault)
    return isOnce
      ? this.#once(served, context, message, exchange, { type, channel, correlationId })
      : this.#run(new MessageHandlerContext(context, message, exchange), message, exchange)
  }

  #run (context: MessageHandlerContext, message: ServedMessage, exchange: InboundMessage): unknown {
    const result = message.handle(context, exchange.envelope.payload)
    if (!isPromise(result) && !context.effects) return message.reply(result)
    return this.#complete(context, message, result).then((outcome) => withOffset(exchange, outcome))
  }

  /** Who only asks again for an outcome does not spend any of the rate. */
  async #once (served: ServedChannel, context: ChannelHandlerContext, message: ServedMessage, exchange: InboundMessage, { type, channel, correlationId }: Identified): Promise<unknown> {
    const { payload } = exchange.envelope
    const id = idempotencyId(this.#connection.userId, channel, correlationId)
    const outcome = await this.#services.idempotentMessages.run({ channel, id, type, payload }, async () => {
      this.#spend(message, served, type)
      const own = new MessageHandlerContext(context, message, exchange, id)
      return this.#complete(own, message, message.handle(own, payload))
    })
    return withOffset(exchange, outcome)
  }

  /** Whatever the handler has broadcast is waited for: an ack means that it is done. */
  async #complete (context: MessageHandlerContext, message: ServedMessage, result: unknown): Promise<AttemptResult> {
    const value = await result
    await context.effects?.settled()
    const effects = context.effects?.logged ?? []
    return { payload: message.reply(value), offset: effects.at(-1)?.offset, effects }
  }

  /** @throws {MessageError} `rate_limited` */
  #spend ({ rateLimit }: ServedMessage, { compiled }: ServedChannel, type: string): void {
    const { userId, id } = this.#connection
    const wait = rateLimit ? this.#services.rateLimits.consume(`${compiled.pattern.text} ${type}`, rateLimit, userId ?? id) : 0
    if (wait > 0) throw rateLimited(wait)
  }

  #member (channel: string): Recipient {
    const membership = this.#memberships.get(channel)
    if (!membership) throw refusal(this.#router.find(channel) ? 'not_joined' : 'unknown_channel')
    return membership
  }

  #itself (): Recipient {
    const served = this.#router.connection
    if (!served) throw refusal('unknown_type')
    this.#own ??= new ChannelHandlerContext(this.#connection, served.compiled, undefined, {}, this.#services.rooms)
    return { served, context: this.#own }
  }
}

export function isPromise (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

/** The ack tells what was appended, beside the reply. */
function withOffset (exchange: InboundMessage, { payload, offset }: HandlerResult): unknown {
  exchange.offset = offset
  return payload
}
