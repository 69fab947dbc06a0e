import type { Position } from '../../../lib/protocol/position.ts'
import { UpgradeRefused } from '../../../lib/testing/test-client.ts'
import type { Sent } from './ephemeral-messages.ts'
import { ConnectionLimit, connectionsPerUser } from './connection-limit.ts'
import { Ledger } from './ledger.ts'
import { ObservedClient } from './observed-client.ts'
import type { Rights } from './fuzz-channel.ts'
import { soon } from '../until.ts'
import { twoNames } from './hostile-names.ts'
import type { FuzzNodes } from './fuzz-nodes.ts'
import type { Random } from '../random.ts'

/** Texts that no correct client sends. */
const garbage = ['', '{', '[]', 'null', '{"type":1}', '{"type":"ping","correlationId":7}', '{"__proto__":{}}', '\u0000',
  '{"type":"join","channel":"fuzz"}', '{"type":"say","channel":"fuzz/x/y","payload":{"n":"1"}}']

const actions = [
  ...Array<'join'>(12).fill('join'), ...Array<'say'>(8).fill('say'), ...Array<'write'>(10).fill('write'),
  'leave', 'leave', 'resend', 'resend', 'resend', 'fail', 'fail', 'point', 'point', 'garbage', 'refresh', 'refresh',
  'drop', 'drop', 'close', 'toggle', 'toggle', 'remove', 'disconnect', 'revoke', 'settle', 'settle', 'settle',
  'add', 'add', 'add', 'history', 'history'
] as const

/** What the application does about a user. */
const administered: readonly string[] = ['toggle', 'add', 'remove', 'disconnect', 'revoke']

interface Write { readonly user: string, readonly channel: string, readonly payload: unknown, readonly id: string }

/**
 * One random session of a few users over the nodes: they join, leave, send, resend, lose their connection and return,
 * while their rights change. `ObservedClient` and `Ledger` check every message, and `settle` compares what the clients
 * know with what must be so. Throws for whatever breaks a rule; `trace` has what was done until then.
 */
export class ModelRun {
  readonly trace: string[] = []
  readonly #random: Random
  readonly #nodes: FuzzNodes
  readonly #rights: Rights
  readonly #name: string
  readonly #ledger = new Ledger()
  readonly #clients: Array<ObservedClient | undefined> = [undefined, undefined, undefined, undefined]
  readonly #users: readonly string[]
  readonly #channels: readonly string[]
  /** The newest position that each user has of each channel. */
  readonly #positions = new Map<string, object>()
  readonly #writes: Write[] = []
  readonly #limit = new ConnectionLimit()
  #calls: Array<Promise<unknown>> = []
  /** What must be so at the next comparison. */
  #mustHold: Array<readonly [what: string, isSo: () => boolean]> = []
  #newest: readonly Position[] = []
  #ids = 0

  constructor (random: Random, nodes: FuzzNodes, rights: Rights, name: string) {
    this.#random = random
    this.#nodes = nodes
    this.#rights = rights
    this.#name = name
    // In some sessions the channels belong to two tenants whose names are hostile, and so are those of the users.
    const isHostile = random.chance(40)
    const [tenant, other] = isHostile ? twoNames(random, name) : [name, name]
    const users = isHostile ? twoNames(random, name) : [`ann-${name}`, `bob-${name}`]
    this.#users = [...users, `cleo-${name}`]
    this.#channels = [`fuzz/${tenant}/x`, `fuzz/${other}/${isHostile ? 'x' : 'y'}`]
  }

  /** How often each kind of message and reply was received. */
  get counts (): Readonly<Record<string, number>> {
    return this.#ledger.counts
  }

  async run (steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const slot = this.#random.below(this.#clients.length)
      const client = this.#clients[slot]
      if (client?.isOpen) await this.#act(client, slot)
      else await this.#connect(slot)
      if (this.#random.chance(30)) await new Promise((resolve) => setImmediate(resolve))
      for (const other of this.#clients) other?.consume()
    }
    await this.#settle()
    await Promise.all(this.#clients.map((client) => client?.close()))
    this.#ledger.settle(new Map(await Promise.all(this.#channels.map(async (channel) => {
      return [channel, await this.#nodes.history(channel)] as const
    }))))
    await soon('no user is present', async () => (await this.#present()).flat().every((count) => count === 0))
    await this.#nodes.requireEmpty(this.#name)
  }

  async #connect (slot: number): Promise<void> {
    const user = this.#users[slot % this.#users.length] as string
    const node = this.#random.below(this.#nodes.apps.length)
    this.trace.push(`${slot} connects as ${user} to node ${node}`)
    this.#clients[slot] = await this.#openUnlessFull(user, node)
    if (!this.#clients[slot] && !this.#limit.mayBeReached(user)) throw new Error('refused below the limit')
  }

  /** Undefined when the user has too many connections. */
  async #openUnlessFull (user: string, node: number): Promise<ObservedClient | undefined> {
    const { token, jti } = this.#nodes.token(user)
    try {
      const client = await ObservedClient.open(this.#nodes.url(node), token, { user, jti, node }, this.#ledger)
      this.#limit.opened(user)
      return client
    } catch (error) {
      if (!(error instanceof UpgradeRefused) || error.status !== 429) throw error
      this.#ledger.count('refused upgrade')
    }
  }

  async #act (client: ObservedClient, slot: number): Promise<void> {
    const isOutside = client.memberships.size === 0 && this.#random.chance(80)
    const isAllowed = this.#channels.some((channel) => this.#rights.allows(client.user, channel))
    const way = this.#random.chance(30) ? 'add' : 'join'
    const action = !isOutside ? this.#random.pick(actions) : isAllowed ? way : 'toggle'
    const channel = this.#channelFor(action, client)
    this.trace.push(`${slot} ${action} ${channel}`)
    if (action === 'settle') return this.#settle()
    if (administered.includes(action)) return this.#administer(action, client, channel)
    if (action === 'drop' || action === 'close') {
      this.#remember(client)
      if (action === 'drop') this.#beginGrace(client)
      await client[action]()
    } else this.#send(action, client, slot, channel)
  }

  /** Mostly one that suits the action: a join of another channel, or a message on a joined one. */
  #channelFor (action: string, client: ObservedClient): string {
    const isEntering = action === 'join' || action === 'add'
    const suitable = this.#channels.filter((channel) => client.memberships.has(channel) !== isEntering)
    return this.#random.pick(suitable.length > 0 && this.#random.chance(90) ? suitable : this.#channels)
  }

  #send (action: string, client: ObservedClient, slot: number, channel: string): void {
    const id = `${this.#name}-${++this.#ids}`
    switch (action) {
      case 'join': {
        const since = this.#positions.get(JSON.stringify([client.user, channel]))
        this.#ledger.graces.forget(client.user)
        client.send('join', channel, since && this.#random.chance(70) ? { since } : undefined, id)
        break
      }
      case 'write': {
        const write = { channel, payload: { n: this.#ledger.number(slot) }, id }
        this.#write(client, { ...write, id: this.#idOfAnother(client, channel) ?? id })
        break
      }
      case 'resend': if (this.#writes.length > 0) this.#resend(client); break
      case 'say': {
        const n = this.#ledger.number(slot * 10 + client.node)
        this.#expect(channel, { id, key: id, sender: '', message: `said ${n}` })
        client.send('say', channel, { n }, id)
        break
      }
      case 'point': {
        const sender = `${slot} ${client.node} ${client.jti}`
        this.#expect(channel, { id, key: `${channel} ${client.user}`, sender, message: `pointed ${this.#ids}` })
        client.send('point', channel, { at: this.#ids }, id)
        break
      }
      case 'refresh': {
        // Under the same id, so that a revocation of it closes the connection before and after.
        const { token } = this.#nodes.token(client.user, client.jti)
        client.send('refresh', undefined, { token }, id)
        break
      }
      case 'history': client.send('history', channel, { limit: 1 + this.#random.below(5) }, id); break
      case 'garbage': client.sendText(this.#random.pick(garbage)); break
      default: client.send(action, channel, undefined, id)
    }
  }

  /** Every member of this moment must get the message, unless its membership ends. */
  #expect (channel: string, { id, ...message }: Omit<Sent, 'receivers'> & { id: string }): void {
    const receivers = this.#open().flatMap(({ memberships }) => memberships.get(channel) ?? [])
    this.#ledger.ephemeral.send(id, { ...message, receivers })
  }

  /** The user stays present for a while where this was the only connection, and nothing else is under way. */
  #beginGrace (client: ObservedClient): void {
    const others = this.#open().filter((other) => other !== client && other.user === client.user)
    if (others.length > 0 || this.#calls.length > 0 || client.pending.length > 0) return
    for (const channel of client.memberships.keys()) this.#ledger.graces.begin(channel, client.user)
  }

  /** Sometimes the id of a message on another channel or of another user: it is another message all the same. */
  #idOfAnother (client: ObservedClient, channel: string): string | undefined {
    const other = this.#random.chance(25) && this.#writes.length > 0 ? this.#random.pick(this.#writes) : undefined
    if (!other || client.pending.some((text) => text.includes(`(${other.id})`))) return undefined
    const isItsOwn = (write: Write) => write.id === other.id && write.user === client.user && write.channel === channel
    return this.#writes.some(isItsOwn) ? undefined : other.id
  }

  #write (client: ObservedClient, write: Omit<Write, 'user'>): void {
    this.#writes.push({ ...write, user: client.user })
    client.send('write', write.channel, write.payload, write.id)
  }

  /** The same message again, as a client sends it that saw no reply. Ids belong to their user. */
  #resend (client: ObservedClient): void {
    const { user, channel, payload, id } = this.#random.pick(this.#writes)
    if (user !== client.user) return
    if (!client.pending.some((text) => text.includes(`(${id})`))) client.send('write', channel, payload, id)
  }

  #administer (action: string, client: ObservedClient, channel: string): void {
    const node = this.#random.below(this.#nodes.apps.length)
    const { user, jti } = client
    this.#ledger.graces.forget(user)
    switch (action) {
      case 'add': this.#calls.push(this.#nodes.add(node, channel, user)); break
      case 'remove': this.#remove(node, channel, user); break
      case 'disconnect':
        this.#close(this.#open().filter((open) => open.user === user), this.#nodes.disconnect(node, user))
        break
      case 'revoke': this.#close([client], this.#nodes.revoke(node, jti)); break
      default:
        this.#rights.toggle(user, channel)
        this.#calls.push(this.#nodes.reauthorize(node, user))
    }
  }

  /** Every membership that the user has now must end. */
  #remove (node: number, channel: string, user: string): void {
    const removed = this.#open().filter((open) => open.user === user)
      .map((open) => ({ open, membership: open.memberships.get(channel) }))
    this.#calls.push(this.#nodes.remove(node, channel, user).then(() => {
      this.#mustHold.push(['the removed user is out', () => removed.every(({ open, membership }) =>
        !open.isOpen || membership === undefined || open.memberships.get(channel) !== membership)])
    }))
  }

  /** The connections must be closed after the call. */
  #close (closing: readonly ObservedClient[], call: Promise<void>): void {
    this.#calls.push(call.then(() => {
      this.#mustHold.push(['the connection is closed', () => closing.every(({ isOpen }) => !isOpen)])
    }))
  }

  #remember (client: ObservedClient): void {
    client.consume()
    for (const [channel, { position }] of client.memberships) {
      this.#positions.set(JSON.stringify([client.user, channel]), position)
    }
  }

  /** Waits for all replies, then compares what the clients know with what must be so. */
  async #settle (): Promise<void> {
    await Promise.all(this.#calls.splice(0))
    await soon(`a reply to each request: ${this.#open().flatMap(({ pending }) => pending).join()}`, async () => {
      for (const client of this.#open()) client.consume()
      return this.#open().every(({ pending }) => pending.length === 0)
    })
    for (const [what, isSo] of this.#mustHold.splice(0)) {
      await soon(what, async () => {
        for (const client of this.#open()) client.consume()
        return isSo()
      })
    }
    await soon(() => `every member has the newest entry: ${this.#positionsText()}`, () => this.#hasNewest())
    await soon('every member has every ephemeral message', async () => {
      for (const client of this.#open()) client.consume()
      return this.#missing().length === 0
    })
    this.#ledger.ephemeral.settle()
    await soon('the members are those that may be', async () => {
      for (const client of this.#open()) client.consume()
      return this.#open().every(({ user, memberships }) =>
        [...memberships.keys()].every((channel) => this.#rights.allows(user, channel)))
    })
    await soon(() => `presence is the same everywhere: ${this.#presenceText()}`, () => this.#isPresenceRight())
    await this.#checkLimit(this.#random.pick(this.#users))
  }

  /** Of one user: another connection is refused if there are as many as allowed, else it is let in. */
  async #checkLimit (user: string): Promise<void> {
    const open = this.#open().filter((client) => client.user === user).length
    const node = this.#random.below(this.#nodes.apps.length)
    let client: ObservedClient | undefined
    await soon(`a connection of ${user} within the limit is let in`, async () => {
      client ??= await this.#openUnlessFull(user, node)
      return open >= connectionsPerUser || client !== undefined
    })
    if (open >= connectionsPerUser && client) throw new Error(`${user} has more connections than allowed`)
    await client?.close()
    this.#limit.settle(user, client ? open + 1 : open)
  }

  /** The acked ephemeral messages that a member lacks whose membership goes on. */
  #missing (): string[] {
    const current = new Set(this.#open().flatMap(({ memberships }) => [...memberships.values()]))
    return this.#ledger.ephemeral.missing((membership) => current.has(membership))
  }

  async #hasNewest (): Promise<boolean> {
    const newest = this.#newest = await Promise.all(this.#channels.map((channel) => this.#nodes.position(channel)))
    for (const client of this.#open()) client.consume()
    return this.#open().every(({ memberships }) => [...memberships.values()].every(({ channel, position }) => {
      const { epoch, offset, hash } = newest[this.#channels.indexOf(channel)] as Position
      return position.epoch === epoch && position.offset === offset && position.hash === hash
    }))
  }

  async #isPresenceRight (): Promise<boolean> {
    for (const client of this.#open()) client.consume()
    const counts = await this.#present()
    return this.#channels.every((channel, i) => {
      const memberships = this.#open().flatMap((client) => {
        const membership = client.memberships.get(channel)
        return membership ? [{ user: client.user, membership }] : []
      })
      const users = [...new Set(memberships.map(({ user }) => user))].sort().join()
      return memberships.every(({ membership }) => [...membership.present].sort().join() === users) &&
        (counts[i] as number[]).every((count) => count === new Set(memberships.map(({ user }) => user)).size)
    })
  }

  #positionsText (): string {
    return this.#open().flatMap(({ user, node, memberships }) => [...memberships].map(([channel, { position }]) =>
      `${user} on node ${node} is at ${JSON.stringify(position)} of ${channel}`)).join(', ') +
      `; the newest are ${JSON.stringify(this.#newest)}; the nodes are ${this.#nodes.states}`
  }

  /** What each client knows, for the message of a failure. */
  #presenceText (): string {
    return this.#open().flatMap(({ user, node, memberships }) => [...memberships].map(([channel, { present }]) =>
      `${user} on node ${node} sees in ${channel} ${[...present].join(' and ')}`)).join(', ')
  }

  #present (): Promise<number[][]> {
    return Promise.all(this.#channels.map((channel) => this.#nodes.present(channel)))
  }

  #open (): ObservedClient[] {
    return this.#clients.filter((client) => client?.isOpen === true) as ObservedClient[]
  }
}
