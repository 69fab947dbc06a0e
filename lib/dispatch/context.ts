import { randomUUID } from 'node:crypto'
import type { Connection } from '../connection/connection.ts'
import type { CompiledChannel, CompiledMessage } from '../contract/compile.ts'
import type { Params } from '../contract/address.ts'
import type { Logger } from '../logger.ts'
import { MessageError } from '../protocol/errors.ts'
import { frame, type Frame, type WhenSlow } from '../protocol/frame.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Exchange } from './exchange.ts'
import type { BroadcastOptions } from './implement.ts'

/** Projects, checks and encodes a message of the server's. @throws {OutgoingError | TypeError} */
export function encode ({ fromServer }: CompiledChannel, channel: string | undefined, type: string, payload: unknown): Encoded {
  const message = fromServer.get(type)
  if (!message) throw new TypeError(`the contract declares no message '${type}' from the server`)
  const projected = message.payload(payload)
  return { frame: frame({ type, channel, payload: projected }), whenSlow: message.whenSlow(projected) }
}

/** A frame, and what becomes of it where it cannot be written at once. */
export interface Encoded { readonly frame: Frame, readonly whenSlow: WhenSlow }

/** One connection in one channel, as handlers see it; `channel` is undefined for the connection's own messages. */
export class Context {
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

  get context (): unknown {
    return this.connection.context
  }

  get log (): Logger {
    this.#log ??= this.connection.log.child({ channel: this.#channel })
    return this.#log
  }

  send (type: string, payload?: unknown): void {
    const { frame, whenSlow } = encode(this.#compiled, this.#channel, type, payload)
    this.connection.send(frame, whenSlow)
  }

  async broadcast (type: string, payload?: unknown, { except }: BroadcastOptions = {}): Promise<void> {
    if (this.#channel === undefined) throw new TypeError('a connection has no room: send to it, or to a channel')
    const { frame, whenSlow } = encode(this.#compiled, this.#channel, type, payload)
    this.#rooms.broadcast(this.#channel, frame, { except: except?.id, whenSlow })
  }
}

/** The context of one message: that of its channel, and what belongs to the message alone. */
export class MessageContext {
  readonly #base: Context
  readonly #message: CompiledMessage
  readonly #exchange: Exchange
  #messageId: string | undefined

  constructor (base: Context, message: CompiledMessage, exchange: Exchange) {
    this.#base = base
    this.#message = message
    this.#exchange = exchange
  }

  get connection (): Connection { return this.#base.connection }
  get params (): Params { return this.#base.params }
  get user (): unknown { return this.#base.user }
  get context (): unknown { return this.#base.context }
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

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions): Promise<void> {
    return this.#base.broadcast(type, payload, options)
  }

  error (code: string, data: unknown): MessageError {
    const outgoing = this.#message.errors.get(code)
    if (!outgoing) throw new TypeError(`the message declares no error '${code}'`)
    return new MessageError(code, code, outgoing(data))
  }
}
