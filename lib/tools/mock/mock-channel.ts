import type { AnyChannel, ConnectionContract, Messages, PresenceDefinition } from '../../contract/define-channel.ts'
import { exampleOf } from '../../contract/examples/example.ts'
import { seededRandom, type Random } from '../../contract/examples/random.ts'
import { addressOf, type Params } from '../../contract/pattern.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import type { ErasedImplementation } from '../../server/implement.ts'
import type { Node } from '../../server/node.ts'
import type { ConnectionContext } from '../../server/route.ts'
import type { Position } from '../../protocol/position.ts'

/** A connection that messages can be sent to. */
interface Member {
  readonly connection: { readonly id: string }
  readonly broadcast: (type: string, payload: unknown) => Promise<unknown>
}

/** What the mock needs of the context of a connection in a channel. */
interface MemberContext extends Omit<Member, 'broadcast'> {
  readonly params: Params
  readonly user: { readonly id: string }
  broadcast (type: string, payload: unknown): Promise<unknown>
  append (type: string, payload: unknown, options: { after: Position, snapshot?: unknown }): Promise<unknown>
}

export interface MockChannelOptions {
  readonly on: Readonly<Record<string, unknown>>
  readonly random: Random
  readonly history: number
  readonly users: number
}

const names = ['ada', 'ben', 'chloe', 'dev', 'elif', 'femi', 'grace', 'hugo']

/** One contract of a mock: answers its messages, and sends others by itself. */
export class MockChannel {
  readonly contract: AnyChannel
  readonly #node: Node
  readonly #options: MockChannelOptions
  /** The members of each channel, by their connections. */
  readonly #members = new Map<string, Map<string, Member>>()
  readonly #filled = new Map<string, Promise<void>>()
  #pushed = 0

  constructor (contract: AnyChannel, node: Node, options: MockChannelOptions) {
    this.contract = contract
    this.#node = node
    this.#options = options
    this.#requireExamples()
  }

  get implementation (): ErasedImplementation {
    const { definition: { fromClient, presence } } = this.contract
    const handlers = Object.entries(fromClient).map(([type, { reply }]) =>
      [type, this.#options.on[type] ?? (() => this.#value(reply))] as const)
    return {
      authorize: (ctx) => this.#fill(ctx as MemberContext),
      joined: (ctx) => this.#join(ctx as MemberContext),
      left: (ctx) => this.#remove(this.#addressOf(ctx as MemberContext), ctx as MemberContext),
      on: Object.fromEntries(handlers) as ErasedImplementation['on'],
      ...(presence && { presence: (ctx) => this.#presenceOf((ctx as MemberContext).user.id) })
    }
  }

  /** Notes a connection of a contract without a channel. */
  addConnection (ctx: ConnectionContext): void {
    const contract = this.contract as ConnectionContract<Messages>
    const send = (type: string, payload: unknown) => ctx.send(contract, type, payload as undefined)
    this.#add('', { connection: ctx.connection, broadcast: async (type, payload) => send(type, payload) })
  }

  removeConnection ({ connection }: ConnectionContext): void {
    this.#remove('', { connection })
  }

  #join (ctx: MemberContext): void {
    const broadcast = (type: string, payload: unknown) => ctx.broadcast(type, payload)
    this.#add(this.#addressOf(ctx), { connection: ctx.connection, broadcast })
  }

  #add (address: string, member: Member): void {
    const members = this.#members.get(address) ?? new Map<string, Member>()
    this.#members.set(address, members.set(member.connection.id, member))
  }

  #remove (address: string, { connection }: Pick<Member, 'connection'>): void {
    this.#members.get(address)?.delete(connection.id)
  }

  /** Sends the next message to every channel with members: one type after the other. */
  async push (): Promise<void> {
    const types = Object.keys(this.contract.definition.fromServer)
    if (types.length === 0) return
    const type = types[this.#pushed++ % types.length] as string
    for (const members of this.#members.values()) {
      // A broadcast of one member reaches all of them. The connections of a contract without a channel get one each.
      const [...senders] = members.values()
      for (const { broadcast } of this.contract.pattern === '' ? senders : senders.slice(0, 1)) {
        await broadcast(type, this.#payload(type))
      }
    }
  }

  /** The history and the other users of a channel are there before its first member joins. */
  async #fill (ctx: MemberContext): Promise<boolean> {
    const address = this.#addressOf(ctx)
    const filling = this.#filled.get(address) ?? this.#start(ctx, address)
    this.#filled.set(address, filling)
    await filling
    return true
  }

  async #start (ctx: MemberContext, address: string): Promise<void> {
    const { definition } = this.contract
    const channel = this.#node.contracts.add(this.contract).nameOf(address)
    for (const user of definition.presence ? names.slice(0, this.#options.users) : []) {
      const data = this.#presenceOf(user)
      await this.#node.adapter.presence.enter(channel, { connection: `mock ${user}`, user, data })
    }
    if (definition.history) await this.#startHistory(ctx, channel, definition.history.snapshot)
  }

  /** The first entry has the snapshot, where the channel keeps a state. */
  async #startHistory (ctx: MemberContext, channel: string, snapshot: TypeBoxSchema | undefined): Promise<void> {
    const { fromServer } = this.contract.definition
    const types = Object.keys(fromServer).filter((type) => !fromServer[type]?.ephemeral)
    const { history } = this.#options
    for (let i = 0; i < Math.min(history, types.length * history); i++) {
      const type = types[i % types.length] as string
      const { position: after } = await this.#node.adapter.history.read(channel)
      const state = i === 0 && snapshot ? { snapshot: this.#value(snapshot) } : {}
      await ctx.append(type, this.#payload(type), { after, ...state })
    }
  }

  /** @throws {ContractError} for a schema of which no example is found */
  #requireExamples (): void {
    const { fromClient, fromServer, presence, history } = this.contract.definition
    for (const type of Object.keys(fromServer)) this.#payload(type)
    for (const [type, { reply }] of Object.entries(fromClient)) if (!this.#options.on[type]) this.#value(reply)
    this.#value(history?.snapshot)
    if (presence) this.#presenceOf('')
  }

  /** The same data for the same user. */
  #presenceOf (user: string): unknown {
    const { presence } = this.contract.definition
    const { data = presence as TypeBoxSchema } = presence as Partial<PresenceDefinition>
    const seed = [...user].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7)
    return exampleOf(data, 'presence', { random: seededRandom(seed) })
  }

  #payload (type: string): unknown {
    return this.#value(this.contract.definition.fromServer[type]?.payload)
  }

  #value (schema: TypeBoxSchema | undefined): unknown {
    return schema && exampleOf(schema, `channel '${this.contract.pattern}'`, this.#options)
  }

  #addressOf ({ params }: MemberContext): string {
    return addressOf(this.contract.pattern, params)
  }
}
