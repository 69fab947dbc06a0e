import { randomUUID } from 'node:crypto'
import type { Connection } from '../../connection/connection.ts'
import type { CompiledChannel, CompiledClientMessage } from '../../contract/compile.ts'
import type { Params } from '../../contract/address.ts'
import type { Logger } from '../../logger.ts'
import { MessageError } from '../../protocol/errors.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { TrackedBroadcasts } from './tracked-broadcasts.ts'
import { encode } from '../encode.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { AppendOptions, BroadcastOptions, Appended } from '../implement.ts'
import { historyOf } from '../channel-history.ts'

/** One connection in one channel, as handlers see it; `channel` is undefined for the connection's own messages. */
export class ChannelHandlerContext {
  readonly connection: Connection
  readonly params: Params
  readonly state: Record<string, unknown> = {}
  readonly #compiled: CompiledChannel
  readonly #channel: string | undefined
  readonly #rooms: Rooms
  #log: Logger | undefined

  constructor (connection: Connection, compiled: CompiledChannel, channel: string | undefined, params: Params, rooms: Rooms) {
    this.connection = connection
    this.params = params
    this.#compiled = compiled
    this.#channel = channel
    this.#rooms = rooms
  }

  get user (): unknown {
    return this.connection.user
  }

  get locals (): unknown {
    return this.connection.locals
  }

  get log (): Logger {
    this.#log ??= this.connection.log.child({ channel: this.#channel })
    return this.#log
  }

  send (type: string, payload?: unknown): void {
    const { frame, whenSlow } = encode(this.#compiled, this.#channel, type, payload)
    this.connection.send(frame, whenSlow)
  }

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions & AppendOptions): Promise<Appended | void> {
    const outcome = this.begin(type, payload, options, randomUUID)
    outcome.catch((err) => this.log.error({ err, type }, 'a broadcast failed'))
    return outcome
  }

  /** Broadcasts, under an id from `newId` where it goes through the log. Whoever calls this takes care of a rejection. */
  async begin (type: string, payload: unknown, { except, ...options }: BroadcastOptions & AppendOptions = {}, newId: () => string): Promise<Appended | void> {
    if (this.#channel === undefined) throw new TypeError('a connection has no room: send to it, or to a channel')
    const encoded = encode(this.#compiled, this.#channel, type, payload)
    if (encoded.persistent) return historyOf(this.#rooms, this.#channel, this.#compiled, this.log).append(newId(), encoded, options)
    this.#rooms.broadcast(this.#channel, encoded.frame, { except: except?.id, whenSlow: encoded.whenSlow })
  }
}

/** The context of one message: that of its channel, and what belongs to the message alone. */
export class MessageHandlerContext {
  readonly #base: ChannelHandlerContext
  readonly #message: CompiledClientMessage
  readonly #exchange: InboundMessage
  #messageId: string | undefined
  #effects: TrackedBroadcasts | undefined

  /** `messageId`: where it is not to be a random one. */
  constructor (base: ChannelHandlerContext, message: CompiledClientMessage, exchange: InboundMessage, messageId?: string) {
    this.#base = base
    this.#message = message
    this.#exchange = exchange
    this.#messageId = messageId
  }

  get connection (): Connection { return this.#base.connection }
  get params (): Params { return this.#base.params }
  get user (): unknown { return this.#base.user }
  get locals (): unknown { return this.#base.locals }
  get state (): Record<string, unknown> { return this.#base.state }
  get log (): Logger { return this.#base.log }
  get signal (): AbortSignal { return this.#exchange.signal }

  get messageId (): string {
    this.#messageId ??= randomUUID()
    return this.#messageId
  }

  send (type: string, payload?: unknown): void {
    this.#base.send(type, payload)
  }

  /** What the handler has broadcast; undefined while there is nothing. */
  get effects (): TrackedBroadcasts | undefined {
    return this.#effects
  }

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions & AppendOptions): Promise<Appended | void> {
    this.#effects ??= new TrackedBroadcasts(this.messageId)
    return this.#effects.track((newId) => this.#base.begin(type, payload, options, newId))
  }

  error (code: string, data: unknown): MessageError {
    const outgoing = this.#message.errors.get(code)
    if (!outgoing) throw new TypeError(`the message declares no error '${code}'`)
    return new MessageError(code, code, outgoing(data))
  }
}
