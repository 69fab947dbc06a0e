import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import { AdapterUnavailable } from '../../cluster/adapter.ts'
import type { AdapterEvents } from '../../cluster/events.ts'
import type { GracePeriod } from '../grace-period.ts'
import type { PresenceVersion } from '../../cluster/presence.ts'
import type { Except } from '../../cluster/pubsub.ts'
import type { ClusterTimings } from '../../cluster/timings.ts'
import type { PresenceChange } from '../../protocol/control-messages.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import { readEntry } from './history-packets.ts'
import { PacketSocket } from './packet-socket.ts'
import { encodePacket, protocolVersion, type Hello, type Packet } from './packets.ts'

/** Probes without an answer after which the hub counts as silent. */
const silentProbes = 3
/** Probes within which a request has its answer. */
const requestProbes = 4
/** Bytes that may wait for the hub before messages are dropped and requests are refused. */
const maxQueueBytes = 8 * 1_048_576
/** The same for the state of this node. Beyond it the connection is closed, and the next one begins with the whole. */
const maxStateBytes = 2 * maxQueueBytes

export interface HubConnectionEvents {
  /** The hub has accepted this node. */
  welcome (): void
  /** The hub speaks another version of the protocol. */
  refused (version: number): void
  /** The hub does not answer, or answers again. */
  silent (isSilent: boolean): void
  nodesChanged (count: number): void
  /** Grace periods that the closing hub hands over. */
  gracesReceived (graces: readonly GracePeriod[]): void
  malformed (): void
  lost (): void
}

export interface HubConnectionDeps {
  readonly nodeId: string
  readonly clock: Clock
  readonly timings: ClusterTimings
  /** Receives what the hub reports. Revocations end by `clock`. */
  readonly receiver: AdapterEvents
  readonly events: HubConnectionEvents
}

/** The connection of this node to a hub in another process. */
export class HubConnection {
  /** The process of the hub, once it has accepted this node. */
  pid: number | undefined
  /** Milliseconds that the last probe took to the hub and back. */
  roundTrip: number | undefined
  readonly #deps: HubConnectionDeps
  readonly #packets: PacketSocket
  #timer: Timer
  #probes = 0
  #isProbing = false

  constructor (socket: Socket, deps: HubConnectionDeps) {
    this.#deps = deps
    const { events, nodeId } = deps
    this.#packets = new PacketSocket(socket, {
      heard: () => this.#noteHeard(),
      packet: (packet) => this.#receive(packet),
      malformed: () => events.malformed(),
      closed: () => {
        deps.clock.clearTimeout(this.#timer)
        events.lost()
      }
    })
    this.#packets.send(encodePacket('hello', 0, { version: protocolVersion, node: nodeId } satisfies Hello))
    this.#tickLater()
  }

  /** Requests something that this node can do without. @throws {AdapterUnavailable} */
  async ask (head: readonly unknown[], parts: readonly Buffer[] = [], deadlineMs = 0): Promise<Packet> {
    this.#requireRoom()
    const probes = requestProbes + Math.ceil(deadlineMs / this.#deps.timings.hubProbeIntervalMs)
    return this.#packets.request(head, parts, probes)
  }

  /** Tells the hub something about the state of this node, even while it is silent. @throws {AdapterUnavailable} */
  async tell (head: readonly unknown[]): Promise<Packet> {
    if (this.#packets.unsentBytes > maxStateBytes) this.#packets.destroy()
    return this.#packets.request(head, [], requestProbes)
  }

  /** @throws {AdapterUnavailable} when the message was not sent */
  post (head: readonly unknown[], parts: readonly Buffer[]): void {
    this.#requireRoom()
    this.#packets.send(encodePacket('event', 0, head, parts))
  }

  end (): Promise<void> {
    return this.#packets.end()
  }

  #requireRoom (): void {
    if (this.#packets.unsentBytes > maxQueueBytes) throw new AdapterUnavailable('too many bytes wait for the hub')
  }

  #tickLater (): void {
    const { clock, timings } = this.#deps
    this.#timer = clock.setTimeout(() => this.#tick(), timings.hubProbeIntervalMs)
  }

  /** Counts probes and not time, so that a node that stood still itself does not take the hub for silent. */
  #tick (): void {
    this.#tickLater()
    this.#packets.tick()
    if (++this.#probes === silentProbes) this.#deps.events.silent(true)
    if (!this.#isProbing && this.pid !== undefined) this.#probe()
  }

  #probe (): void {
    const sentAt = this.#deps.clock.now()
    const done = () => { this.#isProbing = false }
    this.#isProbing = true
    this.tell(['ping']).then(() => { this.roundTrip = this.#deps.clock.now() - sentAt }).then(done, done)
  }

  #noteHeard (): void {
    const wasSilent = this.#probes >= silentProbes
    this.#probes = 0
    if (wasSilent) this.#deps.events.silent(false)
  }

  #receive (packet: Packet): void {
    if (packet.kind === 'request') this.#answer(packet)
    else if (packet.kind === 'event') this.#report(packet)
    else this.#greet(packet)
  }

  #greet ({ kind, head }: Packet): void {
    const { events } = this.#deps
    if (kind === 'refused') return events.refused((head as Hello).version)
    this.pid = (head as { readonly pid: number }).pid
    events.welcome()
  }

  #answer ({ id, head }: Packet): void {
    const [, request] = head as [name: 'requested', request: unknown]
    Promise.resolve(request).then((request) => this.#deps.receiver.requested(request)).then(
      (answer) => this.#packets.send(encodePacket('answer', id, answer)),
      (error: unknown) => this.#packets.send(encodePacket('failure', id, String(error)))
    )
  }

  #report ({ head, parts }: Packet): void {
    const { receiver, events, clock } = this.#deps
    const [name, ...args] = head as [name: string, ...args: unknown[]]
    if (name === 'message') {
      const [channel, whenSlow, except] = args as [string, WhenSlow | null, Except | null]
      receiver.message(channel, parts[0] as Buffer, whenSlow ?? undefined, except ?? undefined)
    } else if (name === 'entryAppended') {
      receiver.entriesAppended(args[0] as string, args[1] as string, [readEntry(args[2], parts)])
    } else if (name === 'presenceChanged') {
      receiver.presenceChanged(...args as [string, PresenceVersion, PresenceChange])
    } else if (name === 'revoked') receiver.revoked(args[0] as string, clock.now() + Number(args[1]))
    else if (name === 'nodes') events.nodesChanged(Number(args[0]))
    else if (name === 'graces') events.gracesReceived(args[0] as readonly GracePeriod[])
    else receiver.gap()
  }
}
