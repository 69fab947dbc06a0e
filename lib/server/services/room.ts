import type { PresencePort } from '../../cluster/presence.ts'
import type { CompiledChannel } from '../../contract/compile.ts'
import type { ChannelDefinition } from '../../contract/define-channel.ts'
import type { ServerPayloadOf, SnapshotOf } from '../../contract/message-types.ts'
import type { Logger } from '../../logger.ts'
import type { Behind } from '../../protocol/errors.ts'
import type { HistoryContent, HistoryPage } from '../../protocol/history.ts'
import type { Position } from '../../protocol/position.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Contracts } from '../contracts.ts'
import type {
  AppendOptions, Appended, BroadcastArguments, BroadcastOptions, BroadcastResult, HistoryOf, HistoryPageOptions,
  PersistentMessageOf, PersistentType
} from '../history-types.ts'
import { reach } from '../messages/channel-history.ts'
import { ChannelPublisher, isBehind } from '../messages/channel-publisher.ts'
import { checkRemovalCode, targetOf, type GivenTarget } from './check-arguments.ts'
import type { NodeRequests, NodeResults, Reached } from './node-requests.ts'

/** A connection in a room. */
export interface RoomMember {
  readonly connectionId: string
  readonly userId: string | undefined
}

/** One channel, for code outside its handlers: a REST route, a job. */
export interface Room<D extends ChannelDefinition> {
  /** The name of the channel: its address, which the namespace of the contract precedes, as in `v2//chat/lobby`. */
  readonly channel: string
  /**
   * Sends a message to every member. An ephemeral message takes `{ except }`, and resolves once the members on this
   * node have it. A persistent message resolves to its position in the history.
   *
   * Rejects with `FST_CHANNELS_OUTGOING` for a payload that, projected to its schema, breaks it. A persistent message
   * also rejects with `history_full` or `unavailable`.
   */
  broadcast<T extends keyof D['fromServer'] & string> (
    type: T, ...payload: BroadcastArguments<D, T>
  ): Promise<BroadcastResult<D, T>>
  /**
   * Compare-and-append: sends a persistent message, provided that `after` is still the newest position of the history.
   * Else it rejects with `Behind`, which has the missed messages, and nothing was appended. Otherwise it rejects as
   * `broadcast` does.
   */
  append<T extends PersistentType<D>> (
    type: T, payload: ServerPayloadOf<D, T>, options: AppendOptions<SnapshotOf<D>>
  ): Promise<Appended>
  /**
   * Whether `error` is the `Behind` of an append to this channel. Narrows its messages and its snapshot.
   * @example if (room.isBehind(error)) apply(error.messages)
   */
  isBehind (error: unknown): error is Behind & HistoryOf<D>
  /**
   * Reads the messages after a position. If they can no longer be recovered, or without a position, reads the newest
   * snapshot and the messages after it. Rejects with `unavailable`.
   */
  read (since?: Position): Promise<HistoryOf<D>>
  /**
   * Reads up to `limit` messages before the one with the offset `before`, or the newest ones: at most 100, and at most
   * 256 KiB unless a single message is larger. Rejects with `unavailable`, and with `FST_CHANNELS_USAGE` for an offset
   * or a limit that is no whole number, or out of range.
   */
  history (options?: HistoryPageOptions): Promise<HistoryPage<PersistentMessageOf<D>>>
  /**
   * Deletes the history, snapshot included. Offsets count from 1 again, in a new epoch, and members on every node get
   * `resync`. Resolves to the nodes that have not announced it yet: they do within 5 s of reaching Redis. Rejects with
   * `unavailable`.
   */
  clear (): Promise<Pick<Reached, 'missing'>>
  /**
   * Takes all members out of the channel, on every node. They receive `left` with `code`. The history stays, and they
   * may join again if `authorize` allows it. Resolves to their number, and the nodes that did not answer.
   *
   * @param code well-formed text of 1 to 128 characters, by default `'closed'`
   */
  close (code?: string): Promise<Reached>
  /** The connections in the room, on all nodes that answered, and the nodes that did not. */
  members (): Promise<NodeResults<RoomMember>>
  /**
   * The number of users present; for a channel without presence, the number of connections in the room. Rejects with
   * `unavailable`.
   */
  count (): Promise<number>
  /**
   * Joins connections to the channel, on every node: all of a user, or one. It asks `authorize` for each, as a join of
   * the client does. They receive `joined`. Resolves to the number of those that are in the channel then, also those
   * that were before, and the nodes that did not answer. Those that may not join, whose route does not serve the
   * channel, or that connect later, are left out.
   */
  add (target: GivenTarget): Promise<Reached>
  /**
   * Takes members out of the channel, on every node. They receive `left` with `code`. Resolves to their number, and the
   * nodes that did not answer. Rejects with `FST_CHANNELS_USAGE`, and removes none, for an invalid code.
   *
   * @param code well-formed text of 1 to 128 characters, by default `'removed'`
   */
  remove (target: GivenTarget, code?: string): Promise<Reached>
}

export interface RoomDeps {
  readonly contracts: Contracts
  readonly rooms: Rooms
  readonly adapter: { readonly presence: PresencePort }
  readonly requests: NodeRequests
  readonly log: Logger
}

/** A `Room` without the types of its contract. */
export class ContractRoom {
  readonly channel: string
  readonly #compiled: CompiledChannel
  readonly #deps: RoomDeps
  readonly publisher: ChannelPublisher

  constructor (channel: string, compiled: CompiledChannel, deps: RoomDeps) {
    this.channel = channel
    this.#compiled = compiled
    this.#deps = deps
    const { contracts, rooms, log } = deps
    this.publisher = new ChannelPublisher({ compiled, hooks: contracts.hooksOf(compiled) }, channel, rooms, log)
  }

  broadcast (type: string, payload?: unknown, options?: BroadcastOptions): Promise<Appended | void> {
    return this.publisher.broadcast(type, payload, options)
  }

  isBehind (error: unknown): error is Behind {
    return isBehind(error)
  }

  append (type: string, payload: unknown, options: AppendOptions): Promise<Appended> {
    return this.publisher.append(type, payload, options)
  }

  async read (since?: Position): Promise<HistoryContent> {
    return this.publisher.history.read(since)
  }

  async history (options: HistoryPageOptions = {}): Promise<HistoryPage> {
    return this.publisher.history.readBefore(options)
  }

  async clear (): Promise<Pick<Reached, 'missing'>> {
    await this.publisher.history.clear()
    const { missing } = await this.#deps.requests.requestAll('refreshHistory', { channel: this.channel })
    return { missing }
  }

  async close (code = 'closed'): Promise<Reached> {
    checkRemovalCode(code)
    return this.#deps.requests.requestSum('close', { channel: this.channel, code })
  }

  async members (): Promise<NodeResults<RoomMember>> {
    const { results, missing } = await this.#deps.requests.requestAll('members', { channel: this.channel })
    return { results: results.flat().map(({ connectionId, userId }) => ({ connectionId, userId })), missing }
  }

  async count (): Promise<number> {
    if (!this.#compiled.presence) return (await this.members()).results.length
    const { adapter, log } = this.#deps
    return reach(adapter.presence.count(this.channel), this.channel, log, 'the presence of a channel cannot be reached')
  }

  async add (target: GivenTarget): Promise<Reached> {
    return this.#deps.requests.requestSum('add', { channel: this.channel, target: targetOf(target) })
  }

  async remove (target: GivenTarget, code = 'removed'): Promise<Reached> {
    const { channel } = this
    checkRemovalCode(code)
    return this.#deps.requests.requestSum('remove', { channel, target: targetOf(target), code })
  }
}
