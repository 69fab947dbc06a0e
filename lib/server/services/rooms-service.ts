import { randomUUID } from 'node:crypto'
import type { Target } from '../../connection/registry.ts'
import { ContractError } from '../../contract/contract-error.ts'
import type { Channel, ChannelDefinition } from '../../contract/define-channel.ts'
import { addressOf, type Params } from '../../contract/address.ts'
import type { ParamsOf, PayloadArgument, ServerPayloadOf } from '../../contract/message-types.ts'
import type { HistoryContent } from '../../protocol/history.ts'
import type { Position } from '../../protocol/position.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { encode } from '../encode.ts'
import type { AppendOptions, BroadcastOptions, OptionsOf, OutcomeOf } from '../implement.ts'
import { historyOf } from '../channel-history.ts'
import type { Node } from '../node.ts'
import { requestAllNodes } from './node-requests.ts'

/** A connection in a room. */
export interface RoomMember {
  readonly connectionId: string
  readonly userId: string | undefined
}

/** One channel's room, for code outside its handlers: a REST route, a job. */
export interface Room<D extends ChannelDefinition> {
  readonly channel: string
  /**
   * Sends to every member; resolves once the members on this node have it; a message of the log, once it is in the log.
   * Rejects with `FST_CHANNELS_OUTGOING` when the payload, projected to its schema, breaks it; for a message of the log also with `Behind`, `history_full` or
   * `unavailable`.
   */
  broadcast<T extends keyof D['fromServer'] & string> (
    type: T, ...payload: PayloadArgument<ServerPayloadOf<D, T>, [options?: OptionsOf<D, T>]>
  ): Promise<OutcomeOf<D, T>>
  /** What is in the channel's log after a position; else the newest snapshot and what came after it. Rejects with `unavailable`. */
  read (since?: Position): Promise<HistoryContent>
  /** The connections in the room, on all nodes that answered within a second. */
  members (): Promise<RoomMember[]>
  /** How many users are present, where the channel has presence; else how many connections are in the room. */
  count (): Promise<number>
  /** Takes members out, on whichever node; they get `left` with `code`. Resolves to how many there were, as far as nodes answered. */
  remove (target: Target, code?: string): Promise<number>
}

/** `fastify.rooms` */
export interface RoomsService {
  /** Runs `authorize` again for every channel that a user's connections are in; what is no longer allowed is left with `left { code: 'forbidden' }`. */
  reauthorize (userId: string): Promise<void>
  /** Rooms with at least one member on this node. */
  readonly size: number
  /** @throws {ContractError} when no route serves the contract, or the params break its schema. */
  of<D extends ChannelDefinition> (contract: Channel<D>, ...params: {} extends ParamsOf<D> ? [params?: ParamsOf<D>] : [params: ParamsOf<D>]): Room<D>
}

export class ContractRooms implements RoomsService {
  readonly #node: Node
  readonly #rooms: Rooms

  constructor (node: Node) {
    this.#node = node
    this.#rooms = node.rooms
  }

  get size (): number {
    return this.#rooms.size
  }

  of<D extends ChannelDefinition> (contract: Channel<D>, params: ParamsOf<D> | {} = {}): Room<D> {
    const compiled = this.#node.contracts.of(contract)
    const fault = compiled.params(params)
    if (fault) throw new ContractError(`channel '${contract.pattern}': params${fault.path}`, fault.message)
    const channel = addressOf(contract.pattern, params as Params)
    const members = async () => (await requestAllNodes(this.#node, 'members', { channel })).results.flat().map(memberOf)
    return {
      channel,
      broadcast: async (type: string, payload?: unknown, { except, ...options }: BroadcastOptions & AppendOptions = {}) => {
        const encoded = encode(compiled, channel, type, payload)
        if (encoded.persistent) return historyOf(this.#rooms, channel, compiled).append(randomUUID(), encoded, options) as Promise<never>
        this.#rooms.broadcast(channel, encoded.frame, { except: except?.id, whenSlow: encoded.whenSlow })
        return undefined as never
      },
      read: async (since) => historyOf(this.#rooms, channel, compiled).read(since),
      members,
      count: async () => compiled.presence ? await this.#node.adapter.presence.count(channel) : (await members()).length,
      remove: async (target, code = 'removed') => {
        const { results } = await requestAllNodes(this.#node, 'remove', { channel, target, code })
        return results.reduce((sum, removed) => sum + removed, 0)
      }
    }
  }

  async reauthorize (userId: string): Promise<void> {
    await requestAllNodes(this.#node, 'reauthorize', { userId })
  }
}

function memberOf ({ connectionId, userId }: { connectionId: string, userId?: string }): RoomMember {
  return { connectionId, userId }
}
