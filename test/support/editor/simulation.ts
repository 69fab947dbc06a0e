import { ChangeSet, Text } from '@codemirror/state'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import { compileChannel } from '../../../lib/contract/compile.ts'
import { ChannelHistory } from '../../../lib/server/messages/channel-history.ts'
import { encodeServerMessage } from '../../../lib/server/messages/channel-publisher.ts'
import type { HistoryMessage } from '../../../lib/protocol/history.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { Rooms } from '../../../lib/rooms/rooms.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import type { Edited } from '../../../routes/editor/document-state.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import { Draft, type DocumentResync, type Departing } from '../../../routes/editor/page/draft.ts'
import { Random } from '../random.ts'
import { InvalidEdit, Stale } from '../../../routes/editor/replica.ts'
import { SharedDocument, type Append } from '../../../routes/editor/shared-document.ts'
import { silentLog } from '../silent-log.ts'

const compiled = compileChannel(editor)
const channel = 'doc/x'
const snapshotEvery = 40

/** Short logs with many snapshots: all that may happen to a long one happens soon. */
const log = { ...compiled.history as NonNullable<typeof compiled.history>, limit: 50 }

/** One node: its way to the log, and its copy of the document, that it may drop at any time. */
class SimulatedNode {
  readonly log: ChannelHistory
  readonly #appended: (edited: Edited) => void
  readonly #prefix: string
  document: SharedDocument
  #ids = 0

  constructor (hub: MemoryHub, clock: FakeClock, appended: (edited: Edited) => void) {
    const adapter = new MemoryAdapter(hub)
    const rooms = new Rooms(adapter, clock)
    adapter.start({ ...rooms.adapterEvents, revoked: () => {}, requested: () => undefined })
    this.log = new ChannelHistory(rooms, channel, log, silentLog)
    this.#appended = appended
    this.document = new SharedDocument(this.log, snapshotEvery)
    this.append = this.append.bind(this)
    this.#prefix = adapter.nodeId
  }

  async append (edited: Edited, options: Parameters<Append>[1]): Promise<Position & { readonly id: string }> {
    const appended = await this.log.append(
      `${this.#prefix}:${this.#ids++}`, encodeServerMessage(compiled, channel, 'edited', edited), options
    )
    this.#appended(edited)
    return appended
  }

  /** The last who had the document open is gone, and somebody else opens it. */
  reopen (): void {
    this.document = new SharedDocument(this.log, snapshotEvery)
  }
}

/** One client: its draft, what it sees, and what is on its way to it. */
class SimulatedClient {
  readonly id: string
  readonly draft: Draft
  view = Text.empty
  /** How often an own edit came back as another one than it was thought to be. */
  corrected = 0
  /** Until when the log is told anew. */
  #until = 0
  /** Edits sent over connections that are lost, which a node may still take. */
  orphans: Departing[] = []
  #inbox: Array<{ readonly told: DocumentResync | HistoryMessage, readonly at: Position }> = []
  #node: SimulatedNode
  /** How far the inbox reaches, and how far it was read. */
  #fed: Position | undefined
  #read: Position | undefined

  constructor (id: string, node: SimulatedNode) {
    this.id = id
    this.#node = node
    this.draft = new Draft(() => id)
  }

  write (changes: ChangeSet): void {
    this.draft.write(changes)
    this.view = changes.apply(this.view)
  }

  async feed (): Promise<void> {
    const { reason, snapshot, position, messages } = await this.#node.log.read(this.#fed)
    const { epoch } = position
    if (reason) {
      this.#inbox.push({
        told: { ...(snapshot && { snapshot: snapshot as never }), position }, at: { ...position, ...snapshot }
      })
    }
    this.#inbox.push(
      ...messages.map((message) => ({ told: message, at: { epoch, offset: message.offset, hash: message.hash } }))
    )
    this.#fed = position
  }

  take (most: number): void {
    for (const { told, at } of this.#inbox.splice(0, most)) {
      if ('position' in told) this.#until = told.position.offset
      this.#see('payload' in told ? this.#entry(told) : this.draft.begin(told))
      this.#read = at
    }
  }

  /** The connection is lost, with what was on its way: the next begins after what was taken in. */
  reconnect (node: SimulatedNode): void {
    this.#fed = this.#read
    this.#inbox = []
    this.#node = node
  }

  async push (node = this.#node, edit = this.draft.next()): Promise<void> {
    if (edit) await node.document.push({ ...edit, clientId: this.id }, node.append)
  }

  #entry ({ offset, hash, payload }: HistoryMessage): ChangeSet {
    const edited = payload as Edited
    const changes = this.draft.logged({ ...edited, offset, hash })
    if (edited.clientId === this.id && !changes.empty && offset > this.#until) this.corrected++
    return changes
  }

  #see (changes: ChangeSet): void {
    this.view = changes.apply(this.view)
  }
}

const words = ['a', 'b', ' ', 'ab', '\n', '😀', '👩‍🚀', 'é', 'x\ny', '😁', '漢字']

/** Eight people at one document over two nodes and a network that loses what it can. */
export class Simulation {
  readonly clients: SimulatedClient[]
  readonly nodes: SimulatedNode[]
  /** Each edit that came into the log since the log began, as `clientId seq`. */
  appended: string[] = []
  doubled: string[] = []
  refused = 0
  stale = 0
  readonly #clock = new FakeClock()
  readonly #random: Random

  constructor (seed: number) {
    this.#random = new Random(seed * 2_654_435_761)
    const hub = new MemoryHub(this.#clock)
    const note = ({ clientId, seq }: Edited) => {
      const name = `${clientId} ${seq}`
      if (this.appended.includes(name)) this.doubled.push(name)
      this.appended.push(name)
    }
    this.nodes = [new SimulatedNode(hub, this.#clock, note), new SimulatedNode(hub, this.#clock, note)]
    this.clients = Array.from(
      { length: 8 }, (_, i) => new SimulatedClient(`u${i}.c`, this.nodes[i % 2] as SimulatedNode)
    )
  }

  /**
   * The texts of all clients and of the server, once nothing is on its way any more: as many as there are different
   * ones.
   */
  get texts (): Set<string> {
    const drafts = this.clients.map(({ draft }) => draft.text.toString())
    return new Set([
      ...drafts, ...this.clients.map(({ view }) => view.toString()), ...this.nodes.map(({ document }) => document.text)
    ])
  }

  /** Whether all edits of each client are in the log, from the first to the last. */
  get isComplete (): boolean {
    return this.clients.every(({ id }) => {
      const seqs = this.appended.filter((name) => name.startsWith(`${id} `)).map((name) => Number(name.split(' ')[1]))
      return seqs.length > 0 && Math.max(...seqs) === seqs.length
    })
  }

  async run (edits: number, { epochs = false } = {}): Promise<void> {
    for (let written = 0; written < edits;) {
      const client = this.#any(this.clients)
      if (this.#chance(0.4)) written += this.#write(client)
      await this.#network(client)
      if (epochs && this.#chance(0.002)) this.#loseLog()
    }
    await this.settle()
  }

  /** Everything arrives. */
  async settle (): Promise<void> {
    for (let round = 0; round < 200; round++) {
      for (const client of this.clients) {
        await client.feed()
        client.take(Infinity)
        await this.#quietly(client.push())
      }
      if (this.clients.every(({ draft }) => draft.isSaved)) break
    }
    for (const client of this.clients) {
      await client.feed()
      client.take(Infinity)
    }
    // Each node learns what is newest by what it is asked for.
    for (const node of this.nodes) node.reopen()
    const [client] = this.clients as [SimulatedClient]
    for (const node of this.nodes) {
      client.write(ChangeSet.of({ from: 0, insert: '.' }, client.view.length))
      await client.push(node)
      for (const other of this.clients) {
        await other.feed()
        other.take(Infinity)
      }
    }
    this.nodes[0]?.reopen()
    client.write(ChangeSet.of({ from: 0, insert: '!' }, client.view.length))
    const last = client.draft.next()
    for (const node of this.nodes) await client.push(node, last)
    for (const other of this.clients) {
      await other.feed()
      other.take(Infinity)
    }
  }

  #write (client: SimulatedClient): number {
    const length = client.view.length
    const text = client.view.toString()
    const whole = (at: number) => /[\udc00-\udfff]/.test(text.charAt(at)) ? at - 1 : at
    const from = whole(this.#number(length + 1))
    const to = this.#chance(0.3) ? Math.max(from, whole(Math.min(length, from + this.#number(6)))) : from
    const insert = to > from && this.#chance(0.6) ? '' : this.#any(words)
    client.write(ChangeSet.of({ from, to, insert: Text.of(insert.split('\n')) }, length))
    return 1
  }

  async #network (client: SimulatedClient): Promise<void> {
    if (this.#chance(0.6)) await client.feed()
    if (this.#chance(0.6)) client.take(1 + this.#number(5))
    if (this.#chance(0.5)) await this.#quietly(client.push())
    if (this.#chance(0.05)) this.#orphan(client)
    if (this.#chance(0.05)) await this.#arrive(client)
    if (this.#chance(0.04)) client.reconnect(this.#any(this.nodes))
    if (this.#chance(0.01)) this.#any(this.nodes).reopen()
    if (this.#chance(0.03)) await this.#attack(client)
    if (this.#chance(0.1)) await this.#collide()
  }

  #orphan (client: SimulatedClient): void {
    const edit = client.draft.next()
    if (edit) client.orphans.push(edit)
  }

  /** What was sent over a connection that is lost arrives after all, at whichever node. */
  async #arrive (client: SimulatedClient): Promise<void> {
    const orphan = client.orphans.shift()
    if (orphan) await this.#quietly(client.push(this.#any(this.nodes), orphan))
  }

  /** Two at two nodes in the same moment. */
  async #collide (): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.#quietly(this.#any(this.clients).push(node))))
  }

  async #attack (client: SimulatedClient): Promise<void> {
    const edit = {
      version: client.draft.version,
      clientId: 'evil.c',
      seq: 1e6,
      changes: [client.draft.text.length, [0, this.#any(['a\rb', '\n', '\ud83d'])]]
    }
    const node = this.#any(this.nodes)
    await this.#quietly(node.document.push(edit, node.append))
  }

  #loseLog (): void {
    this.#clock.advance(log.ttl + 1)
    this.appended = []
  }

  async #quietly (push: Promise<unknown>): Promise<void> {
    try {
      await push
    } catch (error) {
      if (error instanceof Stale) this.stale++
      else if (error instanceof InvalidEdit) this.refused++
      else throw error
    }
  }

  #chance (probability: number): boolean {
    return this.#random.next() < probability
  }

  #number (below: number): number {
    return this.#random.below(below)
  }

  #any<T> (list: readonly T[]): T {
    return list[this.#number(list.length)] as T
  }
}
