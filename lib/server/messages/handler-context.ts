import { newId } from '../../new-id.ts'
import type { Connection } from '../../connection/connection.ts'
import type { CompiledClientMessage } from '../../contract/compile.ts'
import type { Params } from '../../contract/pattern.ts'
import { logError, type Logger } from '../../logger.ts'
import { MessageError, UsageError, type Behind } from '../../protocol/errors.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { ChannelPublisher, isBehind } from './channel-publisher.ts'
import type { AppendOptions, Appended, BroadcastOptions } from '../history-types.ts'
import type { InboundMessage } from '../session/inbound-message.ts'
import type { ServedChannel } from '../router.ts'
import { MemberPresence } from './member-presence.ts'
import { TrackedBroadcasts } from './tracked-broadcasts.ts'

/** One connection in one channel, as handlers see it; `channel` is undefined for the connection's own messages. */
export class ChannelHandlerContext {
  readonly connection: Connection
  readonly params: Params
  readonly state: Record<string, unknown> = {}
  readonly publisher: ChannelPublisher
  readonly presence: MemberPresence
  readonly #channel: string | undefined
  #log: Logger | undefined

  constructor (
    connection: Connection, served: ServedChannel, channel: string | undefined, params: Params, rooms: Rooms
  ) {
    this.connection = connection
    this.params = params
    this.publisher = new ChannelPublisher(served, channel, rooms, connection.log)
    const { presence } = served.compiled
    this.presence = new MemberPresence({ connection, channel: channel ?? '', presence, rooms })
    this.#channel = channel
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
    const { encoded, whenSlow } = this.publisher.encode(type, payload)
    this.connection.send(encoded, whenSlow)
  }

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions): Promise<Appended | void> {
    return this.#logFailure(type, this.publisher.broadcast(type, payload, options))
  }

  isBehind (error: unknown): error is Behind {
    return isBehind(error)
  }

  append (type: string, payload: unknown, options: AppendOptions): Promise<Appended> {
    return this.#logFailure(type, this.publisher.append(type, payload, options))
  }

  async updatePresence (data: unknown): Promise<void> {
    await this.presence.update(data)
  }

  /** The returned promise never becomes an unhandled rejection, whether or not the application awaits it. */
  #logFailure<T> (type: string, running: Promise<T>): Promise<T> {
    running.catch((err) => {
      // An append that was behind changed nothing, and the caller may try it again.
      if (!isBehind(err)) logError(this.connection.log, { channel: this.#channel, type }, err, 'a broadcast failed')
    })
    return running
  }
}

/** The context of one message: that of its channel, and what belongs to the message alone. */
export class MessageHandlerContext {
  readonly appended: readonly Appended[]
  readonly #base: ChannelHandlerContext
  readonly #declared: CompiledClientMessage
  readonly #message: InboundMessage
  #messageId: string | undefined
  #broadcasts: TrackedBroadcasts | undefined

  /**
   * @param messageId of an idempotent message; others get a random id on demand
   * @param appended what earlier runs appended under that id
   */
  constructor (
    base: ChannelHandlerContext, declared: CompiledClientMessage, message: InboundMessage,
    messageId?: string, appended: readonly Appended[] = []
  ) {
    this.appended = appended
    this.#base = base
    this.#declared = declared
    this.#message = message
    this.#messageId = messageId
  }

  get connection (): Connection { return this.#base.connection }
  get params (): Params { return this.#base.params }
  get user (): unknown { return this.#base.user }
  get locals (): unknown { return this.#base.locals }
  get state (): Record<string, unknown> { return this.#base.state }
  get log (): Logger { return this.#base.log }
  get signal (): AbortSignal { return this.#message.signal }

  get messageId (): string {
    this.#messageId ??= newId()
    return this.#messageId
  }

  /** The broadcasts and appends of the handler; undefined while there are none. */
  get broadcasts (): TrackedBroadcasts | undefined {
    return this.#broadcasts
  }

  send (type: string, payload?: unknown): void {
    this.#base.send(type, payload)
  }

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions): Promise<Appended | void> {
    return this.#tracked().broadcast(type, payload, options)
  }

  append (type: string, payload: unknown, options: AppendOptions): Promise<Appended> {
    return this.#tracked().append(type, payload, options)
  }

  isBehind (error: unknown): error is Behind {
    return this.#base.isBehind(error)
  }

  updatePresence (data: unknown): Promise<void> {
    return this.#base.updatePresence(data)
  }

  error (code: string, data: unknown): MessageError {
    const outgoing = this.#declared.errors.get(code)
    if (!outgoing) throw new UsageError(`the message declares no error '${code}'`)
    return new MessageError(code, code, outgoing(data))
  }

  #tracked (): TrackedBroadcasts {
    this.#broadcasts ??= new TrackedBroadcasts(this.#base.publisher, this.messageId, (offset) => {
      this.#message.progress.offset = offset
    })
    return this.#broadcasts
  }
}
