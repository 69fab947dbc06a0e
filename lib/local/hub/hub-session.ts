import type { Socket } from 'node:net'
import type { AdapterEvents } from '../../cluster/events.ts'
import { MemoryAdapter, type MemoryHub } from '../../memory/memory-adapter.ts'
import type { GracePeriod } from '../grace-period.ts'
import { entryContent, type Content } from '../wire/history-packets.ts'
import { PacketSocket } from '../wire/packet-socket.ts'
import { encodePacket, protocolVersion, type Hello, type Packet } from '../wire/packets.ts'
import { LargeRequests } from './large-requests.ts'
import { hasLargeAnswer, operations, type HubContext } from './operations.ts'

/** Ticks of the hub, one for each renewal of a lease, after which a node that sends nothing counts as dead. */
const silentTicks = 3
/** Ticks that a node may take for a request of another node. The asking node stops waiting long before. */
const requestTicks = 15
/** Bytes that wait for a node before it gets no further events. It gets a gap instead, once it reads again. */
const maxEventBytes = 8 * 1_048_576
/** Bytes that wait for a node, answers included, before its connection is closed. */
const maxUnsentBytes = 2 * maxEventBytes

export interface SessionEvents extends HubContext {
  /** The first packet of the node was read. Nothing was done for it yet. */
  joined (session: HubSession): void
  /** The hub has one node more, or one less. */
  nodesChanged (): void
  malformed (): void
  left (session: HubSession): void
}

/** A node of another process on the hub: its requests become calls of a memory adapter, whose events become packets. */
export class HubSession {
  readonly #hub: MemoryHub
  readonly #packets: PacketSocket
  readonly #events: SessionEvents
  #node: MemoryAdapter | undefined
  readonly #large = new LargeRequests(() => this.#packets.unsentBytes <= maxEventBytes)
  #ticks = 0
  #hasGap = false

  constructor (socket: Socket, hub: MemoryHub, events: SessionEvents) {
    this.#hub = hub
    this.#events = events
    this.#packets = new PacketSocket(socket, {
      heard: () => { this.#ticks = 0 },
      packet: (packet) => this.#receive(packet),
      malformed: () => events.malformed(),
      drained: this.#resume.bind(this),
      closed: () => this.#leave()
    })
  }

  /** Undefined before its first packet. */
  get nodeId (): string | undefined {
    return this.#node?.nodeId
  }

  announceNodes (count: number): void {
    this.#sendEvent(['nodes', count])
  }

  /** The hub closes. These grace periods would end with it. */
  handOver (graces: readonly GracePeriod[]): void {
    this.#sendEvent(['graces', graces])
  }

  /** Ends the connection of a node that has sent nothing for a whole lease. */
  tick (): void {
    this.#packets.tick()
    if (++this.#ticks >= silentTicks) this.destroy()
  }

  end (): Promise<void> {
    return this.#packets.end()
  }

  /** Its node has left when this returns. */
  destroy (): void {
    this.#leave()
    this.#packets.destroy()
  }

  #receive ({ kind, id, head, parts }: Packet): void {
    if (kind === 'hello') return this.#join(head as Hello)
    const [name, ...args] = head as [name: string, ...args: unknown[]]
    const operation = operations[name]
    const node = this.#node
    if (!node || !operation) throw new TypeError(`a packet before the first one, or an unknown request '${name}'`)
    const run = () => operation(node, args, parts, this.#events).then((answer) => {
      if (kind === 'request') this.#answer(id, answer)
    }).catch(() => this.#refuse())
    if (hasLargeAnswer.has(name)) this.#large.add(run)
    else run()
  }

  #answer (id: number, { head, parts }: Content): void {
    this.#packets.send(encodePacket('answer', id, head, parts))
    if (this.#packets.unsentBytes > maxUnsentBytes) this.destroy()
  }

  #join ({ version, node }: Hello): void {
    if (version !== protocolVersion) {
      this.#packets.send(encodePacket('refused', 0, { version: protocolVersion }))
      this.#packets.end()
      return
    }
    this.#node = new MemoryAdapter(this.#hub, node)
    this.#events.joined(this)
    this.#packets.send(encodePacket('welcome', 0, { pid: process.pid }))
    this.#node.start(this.#newReceiver())
    this.#events.nodesChanged()
  }

  /** The ports of a memory adapter do not reject, so the request is malformed. */
  #refuse (): void {
    this.#events.malformed()
    this.destroy()
  }

  #newReceiver (): AdapterEvents {
    return {
      message: (channel, encoded, whenSlow, except) => {
        this.#sendEvent(['message', channel, whenSlow, except], [encoded])
      },
      presenceChanged: (channel, version, change) => this.#sendEvent(['presenceChanged', channel, version, change]),
      entriesAppended: (channel, epoch, entries) => {
        for (const { entry, snapshot } of entries) {
          const { head, parts } = entryContent(entry, snapshot)
          this.#sendEvent(['entryAppended', channel, epoch, head], parts)
        }
      },
      gap: this.#resume.bind(this),
      revoked: (key, until) => this.#sendEvent(['revoked', key, until - this.#events.clock.now()]),
      requested: async (request) => (await this.#packets.request(['requested', request], [], requestTicks)).head
    }
  }

  /** A node that does not read gets no more than it has room for. */
  #sendEvent (head: readonly unknown[], parts?: readonly Buffer[]): void {
    this.#hasGap ||= this.#packets.unsentBytes > maxEventBytes
    if (!this.#hasGap && this.#node) this.#packets.send(encodePacket('event', 0, head, parts))
  }

  #resume (): void {
    this.#large.resume()
    if (!this.#hasGap) return
    this.#hasGap = false
    this.#sendEvent(['gap'])
  }

  #leave (): void {
    this.#node?.close()
    this.#node = undefined
    this.#events.left(this)
  }
}
