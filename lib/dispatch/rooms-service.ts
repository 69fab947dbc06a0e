import type { Target } from '../connection/registry.ts'
import { ContractError } from '../contract/contract-error.ts'
import type { Channel, ChannelDefinition } from '../contract/definition.ts'
import { addressOf, type Params } from '../contract/address.ts'
import type { ParamsOf, PayloadArgument, SentPayloadOf } from '../contract/payloads.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { encode } from './context.ts'
import type { BroadcastOptions } from './implement.ts'
import type { Node } from './node.ts'

/** A connection in a room. */
export interface RoomMember {
  readonly connectionId: string
  readonly userId: string | undefined
}

/** One channel's room, for code outside its handlers: a REST route, a job. */
export interface RoomHandle<D extends ChannelDefinition> {
  readonly channel: string
  /**
   * Sends to every member; resolves once the members on this node have it.
   * Rejects with `outgoing_invalid` when the payload, projected to its schema, breaks it.
   */
  broadcast<T extends keyof D['fromServer'] & string> (
    type: T, ...payload: PayloadArgument<SentPayloadOf<D, T>, [options?: BroadcastOptions]>
  ): Promise<void>
  members (): Promise<RoomMember[]>
  /** How many connections are in the room. */
  count (): Promise<number>
  /** Takes members out; they get `left` with `code`. Resolves to how many there were. */
  remove (target: Target, code?: string): Promise<number>
}

/** `fastify.rooms` */
export interface RoomsService {
  /** Runs `authorize` again for every channel that a user's connections are in; what is no longer allowed is left with `left { code: 'forbidden' }`. */
  reauthorize (userId: string): Promise<void>
  /** Rooms with at least one member on this node. */
  readonly size: number
  /** @throws {ContractError} when no route serves the contract, or the params break its schema. */
  of<D extends ChannelDefinition> (contract: Channel<D>, ...params: {} extends ParamsOf<D> ? [params?: ParamsOf<D>] : [params: ParamsOf<D>]): RoomHandle<D>
}

export class RoomsOfContracts implements RoomsService {
  readonly #node: Node
  readonly #rooms: Rooms

  constructor (node: Node) {
    this.#node = node
    this.#rooms = node.rooms
  }

  get size (): number {
    return this.#rooms.size
  }

  of<D extends ChannelDefinition> (contract: Channel<D>, params: ParamsOf<D> | {} = {}): RoomHandle<D> {
    const compiled = this.#node.contracts.of(contract)
    const fault = compiled.params(params)
    if (fault) throw new ContractError(`channel '${contract.pattern}': params${fault.path}`, fault.message)
    const channel = addressOf(contract.pattern, params as Params)
    const members = async () => this.#rooms.members(channel).map(({ id, userId }) => ({ connectionId: id, userId }))
    return {
      channel,
      broadcast: async (type: string, payload?: unknown, { except }: BroadcastOptions = {}) => {
        const { frame, whenSlow } = encode(compiled, channel, type, payload)
        this.#rooms.broadcast(channel, frame, { except: except?.id, whenSlow })
      },
      members,
      count: async () => (await members()).length,
      remove: async (target, code = 'removed') => this.#remove(channel, target, code)
    }
  }

  async reauthorize (userId: string): Promise<void> {
    const sessions = this.#node.registry.find({ userId }).map(({ id }) => this.#node.sessions.get(id))
    await Promise.all(sessions.map((session) => session?.reauthorize()))
  }

  #remove (channel: string, target: Target, code: string): number {
    const targeted = this.#rooms.members(channel).filter(({ id, userId }) =>
      'userId' in target ? userId === target.userId : id === target.connectionId)
    return targeted.filter(({ id }) => this.#node.sessions.get(id)?.remove(channel, code)).length
  }
}
