import { newId } from '../../new-id.ts'
import type { KnownEntry } from '../../cluster/idempotency.ts'
import type { Except } from '../../cluster/pubsub.ts'
import type { CompiledChannel } from '../../contract/compile.ts'
import type { Logger } from '../../logger.ts'
import { encodeOutgoing, type EncodedMessage } from '../../protocol/encoding.ts'
import { addressIn } from '../../protocol/envelope.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import { isRefusal, UsageError, type Behind } from '../../protocol/errors.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { AppendHooks } from './append-hooks.ts'
import { ChannelHistory } from './channel-history.ts'
import type { AppendOptions, Appended, BroadcastOptions } from '../history-types.ts'
import { checkOptions, InvalidArgument } from '../invalid-argument.ts'

/** A message from the server, checked and encoded. */
export interface ServerMessage {
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
  /** Whether it goes through the channel's history. */
  readonly isPersistent: boolean
}

/**
 * Projects a payload to its declared schema, checks it and encodes the message. `address`: of the channel; undefined
 * for a message of the connection itself. `id`: of an ephemeral message that may reach a client over two connections.
 *
 * @throws {UsageError} for a type that the contract does not declare, and a message over 1 MiB
 * @throws {OutgoingError} for a payload that breaks its schema
 */
export function encodeServerMessage (
  { fromServer }: CompiledChannel, address: string | undefined, type: string, payload: unknown, id?: string
): ServerMessage {
  const declared = fromServer.get(type)
  if (!declared) throw new UsageError(`the contract declares no message '${type}' from the server`)
  const projected = declared.payload(payload)
  const { persistent: isPersistent } = declared
  const what = `the message '${type}'`
  return {
    encoded: encodeOutgoing({ type, channel: address, payload: projected, id: isPersistent ? undefined : id }, what),
    whenSlow: declared.whenSlow(projected, address),
    isPersistent
  }
}

/** The entry of a persistent message: its id, and who learns of its offset as soon as it is in the history. */
export interface NewEntry {
  readonly id: string
  readonly onAppended: (offset: number | undefined) => void
}

/** A contract, and what follows an append to one of its histories. */
interface Published {
  readonly compiled: CompiledChannel
  readonly hooks: AppendHooks
}

/** Sends the messages of one channel's contract: ephemeral ones to its members, persistent ones through its history. */
export class ChannelPublisher {
  readonly #compiled: CompiledChannel
  readonly #channel: string | undefined
  readonly #address: string | undefined
  readonly #rooms: Rooms
  readonly #history: ChannelHistory | undefined

  /** @param channel its name; undefined for a connection's own contract, which can neither broadcast nor append */
  constructor (published: Published, channel: string | undefined, rooms: Rooms, log: Logger) {
    const { compiled, hooks } = published
    this.#compiled = compiled
    this.#channel = channel
    this.#address = channel && addressIn(channel)
    this.#rooms = rooms
    const { history } = compiled
    const hasHistory = history !== undefined && channel !== undefined
    this.#history = hasHistory ? new ChannelHistory(rooms, channel, history, log, hooks) : undefined
  }

  isPersistent (type: string): boolean {
    return this.#compiled.fromServer.get(type)?.persistent === true
  }

  /** @throws {UsageError} @throws {OutgoingError} */
  encode (type: string, payload: unknown, id?: string): ServerMessage {
    return encodeServerMessage(this.#compiled, this.#address, type, payload, id)
  }

  /**
   * Resolves once the members on this node have an ephemeral message, or once a persistent one is in the history, as
   * `entry` or under a random id. After many ephemeral ones it resolves in the next iteration of the event loop.
   */
  async broadcast (
    type: string, payload: unknown, options: BroadcastOptions | undefined, entry?: NewEntry
  ): Promise<Appended | void> {
    const message = this.encode(type, payload, this.#rooms.messageIds.next())
    if (message.isPersistent) {
      if (options) throw new UsageError(`the persistent message '${type}' is broadcast without options: use append`)
      return this.history.append(entry?.id ?? newId(), message, undefined, entry?.onAppended)
    }
    this.send(message, exceptOf(options))
    return this.#rooms.pacing.pause
  }

  /** Sends an ephemeral message to every member. */
  send ({ encoded, whenSlow }: ServerMessage, except: Except | undefined): void {
    if (this.#channel === undefined) throw new UsageError('a connection has no room: use send, or a channel')
    this.#rooms.broadcast(this.#channel, encoded, { whenSlow, except })
  }

  /**
   * Compare-and-append, as `entry` or under a random id. Rejects with `Behind` unless `after` is the newest position.
   */
  async append (type: string, payload: unknown, options: AppendOptions, entry?: NewEntry): Promise<Appended> {
    const message = this.encode(type, payload)
    if (!message.isPersistent) throw new UsageError(`the ephemeral message '${type}' cannot be appended: use broadcast`)
    if (!isPosition((options as AppendOptions | undefined)?.after)) {
      throw new InvalidArgument(`append of '${type}' lacks 'after': pass the position that the history must be at`)
    }
    checkOptions('append', options, ['after', 'snapshot'])
    return this.history.append(entry?.id ?? newId(), message, options, entry?.onAppended)
  }

  /** Waits until the replicas have these entries, where they must. Rejects as `ChannelHistory.confirm` does. */
  async confirm (entries: readonly KnownEntry[]): Promise<void> {
    await this.#history?.confirm(entries)
  }

  /** The history of the channel. @throws {UsageError} when it has none */
  get history (): ChannelHistory {
    if (!this.#history) throw new UsageError(`the channel '${String(this.#channel)}' has no history`)
    return this.#history
  }
}

function isPosition (position: unknown): boolean {
  const { epoch, offset, hash } = Object(position) as Readonly<Record<string, unknown>>
  return typeof epoch === 'string' && Number.isSafeInteger(offset) && typeof hash === 'string'
}

/** @throws {InvalidArgument} for another option, and unless `except` names a connection or a user */
export function exceptOf (options: BroadcastOptions | undefined): Except | undefined {
  if (options !== undefined) checkOptions('broadcast', options, ['except'])
  if (options?.except === undefined) return undefined
  const { connectionId, id = connectionId, userId } = Object(options.except) as Readonly<Record<string, unknown>>
  if (typeof id === 'string') return { connection: id }
  if (typeof userId === 'string') return { user: userId }
  throw new InvalidArgument("'except' names no connection and no user: pass { id } or { userId }")
}

/** Whether an append failed because the history has moved on. */
export function isBehind (error: unknown): error is Behind {
  return isRefusal(error) && error.code === 'behind'
}
