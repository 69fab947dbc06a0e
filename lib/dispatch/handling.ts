import type { Connection } from '../connection/connection.ts'
import { refusal, tooSoon } from '../protocol/errors.ts'
import { Context, MessageContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import type { Membership, Memberships } from './memberships.ts'
import { onceId, type Attempted, type Outcome } from './once.ts'
import type { Router, ServedChannel, ServedMessage } from './router.ts'
import type { DispatchServices } from './services.ts'

type Recipient = Pick<Membership, 'served' | 'context'>

interface Identified { readonly type: string, readonly channel: string, readonly correlationId: string }

/** The declared messages of one connection: from a sound envelope to the handler and its reply. */
export class Handling {
  readonly #connection: Connection
  readonly #router: Router
  readonly #memberships: Memberships
  readonly #services: DispatchServices
  #own: Context | undefined

  constructor (connection: Connection, router: Router, memberships: Memberships, services: DispatchServices) {
    this.#connection = connection
    this.#router = router
    this.#memberships = memberships
    this.#services = services
  }

  /** Returns the payload of the ack, at once where nothing has to be waited for. @throws {MessageError} for what is refused; what the handler throws */
  handle (exchange: Exchange): unknown {
    const { type, channel, correlationId, payload } = exchange.envelope
    const { served, context } = channel === undefined ? this.#itself() : this.#member(channel)
    const message = served.messages.get(type)
    if (!message) throw refusal('unknown_type')
    const isOnce = message.once && channel !== undefined && correlationId !== undefined
    if (!isOnce) this.#spend(message, served, type)
    const fault = message.payload(payload)
    if (fault) throw refusal('invalid_payload', fault)
    return isOnce
      ? this.#once(served, context, message, exchange, { type, channel, correlationId })
      : this.#run(new MessageContext(context, message, exchange), message, exchange)
  }

  #run (context: MessageContext, message: ServedMessage, exchange: Exchange): unknown {
    const result = message.handle(context, exchange.envelope.payload)
    if (!isPromise(result) && !context.effects) return message.reply(result)
    return this.#complete(context, message, result).then((outcome) => told(exchange, outcome))
  }

  /** Who only asks again for an outcome does not spend any of the rate. */
  async #once (served: ServedChannel, context: Context, message: ServedMessage, exchange: Exchange, { type, channel, correlationId }: Identified): Promise<unknown> {
    const { payload } = exchange.envelope
    const id = onceId(this.#connection.userId, channel, correlationId)
    const outcome = await this.#services.once.run({ channel, id, type, payload }, async () => {
      this.#spend(message, served, type)
      const own = new MessageContext(context, message, exchange, id)
      return this.#complete(own, message, message.handle(own, payload))
    })
    return told(exchange, outcome)
  }

  /** Whatever the handler has broadcast is waited for: an ack means that it is done. */
  async #complete (context: MessageContext, message: ServedMessage, result: unknown): Promise<Attempted> {
    const value = await result
    await context.effects?.settled()
    const effects = context.effects?.logged ?? []
    return { payload: message.reply(value), offset: effects.at(-1)?.offset, effects }
  }

  /** @throws {MessageError} `rate_limited` */
  #spend ({ rateLimit }: ServedMessage, { compiled }: ServedChannel, type: string): void {
    const { userId, id } = this.#connection
    const wait = rateLimit ? this.#services.rateLimits.take(`${compiled.pattern.text} ${type}`, rateLimit, userId ?? id) : 0
    if (wait > 0) throw tooSoon(wait)
  }

  #member (channel: string): Recipient {
    const membership = this.#memberships.get(channel)
    if (!membership) throw refusal(this.#router.find(channel) ? 'not_joined' : 'unknown_channel')
    return membership
  }

  #itself (): Recipient {
    const served = this.#router.connection
    if (!served) throw refusal('unknown_type')
    this.#own ??= new Context(this.#connection, served.compiled, undefined, {}, this.#services.rooms)
    return { served, context: this.#own }
  }
}

export function isPromise (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

/** The ack tells what was appended, beside the reply. */
function told (exchange: Exchange, { payload, offset }: Outcome): unknown {
  exchange.offset = offset
  return payload
}
