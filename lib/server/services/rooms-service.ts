import { addressOf, type Params } from '../../contract/pattern.ts'
import type { Channel, ChannelDefinition } from '../../contract/define-channel.ts'
import type { ParamsOf, PayloadArgument, ServerPayloadOf } from '../../contract/message-types.ts'
import { maxChannelLength } from '../../protocol/envelope.ts'
import { UsageError } from '../../protocol/errors.ts'
import { InvalidParams } from '../invalid-argument.ts'
import type { BroadcastOptions, EphemeralType } from '../history-types.ts'
import { exceptOf, type ServerMessage } from '../messages/channel-publisher.ts'
import { checkPattern, requireUserId } from './check-arguments.ts'
import type { RoomSize } from './local-node-requests.ts'
import type { Page, Reached } from './node-requests.ts'
import { pageOf, pageRequest, type PageOptions } from './pages.ts'
import { ContractRoom, type Room, type RoomDeps } from './room.ts'

/** `fastify.rooms` and `fastify.channels.rooms`. */
export interface RoomsService {
  /**
   * Runs `authorize` again for every channel of a user's connections, on every node. Connections that are no longer
   * allowed are taken out of the channel with `left { code: 'forbidden' }`. Resolves to the number of connections whose
   * rights were checked, and the nodes that did not answer.
   */
  reauthorize (userId: string): Promise<Reached>
  /** The number of rooms with at least one member on this node. */
  readonly size: number
  /**
   * Cluster-wide. The channels that have members, in the order of their names, up to `limit`. `pattern`: only those
   * that match this pattern of a contract, such as `'chat/:room'`, or `'v2//chat/:room'` in the namespace `v2`.
   */
  list (pattern?: string, options?: PageOptions): Promise<Page<RoomSize>>
  /**
   * Cluster-wide. Sends an ephemeral message to the members of several rooms. A connection in more than one of them
   * gets it once, under the first of these channels. Resolves once the members on this node have it.
   *
   * Rejects, and sends nothing, with `FST_CHANNELS_USAGE` for a persistent type or more than 100 rooms, and with
   * `FST_CHANNELS_OUTGOING` for a payload that breaks its schema.
   */
  broadcast<D extends ChannelDefinition, T extends EphemeralType<D>> (
    rooms: ReadonlyArray<Room<D>>, type: T,
    ...payload: PayloadArgument<ServerPayloadOf<D, T>, [options?: BroadcastOptions]>
  ): Promise<void>
  /**
   * One channel. The contract needs no route in this process, so a worker or a cron job can use it.
   *
   * @throws {ContractError} for an invalid contract
   * @throws {ChannelsError} `FST_CHANNELS_PARAMS`, 400, for params that break its schema
   */
  of<D extends ChannelDefinition> (
    contract: Channel<D>, ...params: {} extends ParamsOf<D> ? [params?: ParamsOf<D>] : [params: ParamsOf<D>]
  ): Room<D>
}

/** The number of rooms that one `broadcast` takes: each message names the rooms before it. */
const maxRooms = 100

export class ContractRooms implements RoomsService {
  readonly #deps: RoomDeps

  constructor (deps: RoomDeps) {
    this.#deps = deps
  }

  get size (): number {
    return this.#deps.rooms.size
  }

  of<D extends ChannelDefinition> (contract: Channel<D>, params: ParamsOf<D> | {} = {}): Room<D> {
    const compiled = this.#deps.contracts.of(contract, 'defineChannel')
    const issue = compiled.params(params)
    if (issue) throw new InvalidParams(contract.pattern, issue.path, issue.message)
    const channel = compiled.nameOf(addressWith(contract.pattern, params as Params))
    const room = new ContractRoom(channel, compiled, this.#deps)
    // The contract's types are known to the caller only.
    return room as unknown as Room<D>
  }

  async list (pattern?: string, options?: PageOptions): Promise<Page<RoomSize>> {
    const request = { ...pageRequest(options), ...(pattern !== undefined && { pattern: checkPattern(pattern) }) }
    const { results, missing } = await this.#deps.requests.requestAll('rooms', request)
    return { ...pageOf(mergeSizes(results.flat()), ({ channel }) => channel, request.limit), missing }
  }

  async broadcast (
    given: readonly unknown[], type: string, payload?: unknown, options?: BroadcastOptions
  ): Promise<void> {
    const rooms = [...new Map(checkRooms(given).map((room) => [room.channel, room])).values()]
    const except = exceptOf(options)
    const id = this.#deps.rooms.messageIds.next()
    const messages = rooms.map(({ publisher }) => publisher.encode(type, payload, id))
    if (messages.some(({ isPersistent }) => isPersistent)) {
      throw new UsageError(`the persistent message '${type}' goes through one history: broadcast it to each room`)
    }
    const channels = rooms.map(({ channel }) => channel)
    for (const [i, { publisher }] of rooms.entries()) {
      publisher.send(messages[i] as ServerMessage, i === 0 ? except : { ...except, membersOf: channels.slice(0, i) })
    }
    await this.#deps.rooms.pacing.pause
  }

  async reauthorize (userId: string): Promise<Reached> {
    requireUserId(userId)
    return this.#deps.requests.reauthorize(userId)
  }
}

function checkRooms (rooms: readonly unknown[]): ContractRoom[] {
  if (!Array.isArray(rooms) || !rooms.every((room) => room instanceof ContractRoom)) {
    throw new UsageError("'rooms.broadcast' got something else than rooms: pass an array of what 'rooms.of' returns")
  }
  if (rooms.length > maxRooms) {
    throw new UsageError(`'rooms.broadcast' got ${rooms.length} rooms: pass at most ${maxRooms}`)
  }
  return rooms
}

/** Sums the parts of a room that several nodes have. */
function mergeSizes (sizes: readonly RoomSize[]): RoomSize[] {
  const merged = new Map<string, number>()
  for (const { channel, connections } of sizes) merged.set(channel, (merged.get(channel) ?? 0) + connections)
  return [...merged].map(([channel, connections]) => ({ channel, connections }))
}

/** @throws {InvalidParams} for params that make another address, or one that no client can join */
function addressWith (pattern: string, params: Params): string {
  const [name] = Object.entries(params).find(([, value]) => value === '' || value.includes('/')) ?? []
  if (name !== undefined) throw new InvalidParams(pattern, `/${name}`, 'pass a non-empty string without a slash')
  const address = addressOf(pattern, params)
  if (address.length <= maxChannelLength) return address
  throw new InvalidParams(pattern, '', `the address has ${address.length} characters, at most ${maxChannelLength} fit`)
}
