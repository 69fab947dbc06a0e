import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'
import { check, type Verdict } from '../checker/checker.ts'
import type { LogEvent, RunLog } from '../checker/log.ts'
import type { Fault } from '../kinds/fault.ts'
import { Crowd, type ClientSettings, type System } from './crowd.ts'
import { Proxy } from './proxy.ts'
import { RigNode } from './rig-node.ts'
import { Teardowns } from './teardowns.ts'
import { startTopology, type Topology, type TopologyName } from './topology.ts'

export interface RigSize {
  readonly clients: number
  readonly channels: number
  /** Messages a second, of all clients together. */
  readonly rate: number
  /** Processes of clients. */
  readonly processes: number
}

export interface RigOptions {
  readonly system?: System | undefined
  readonly topology?: TopologyName | undefined
  readonly pattern?: ClientSettings['pattern'] | undefined
  /** Takes what ends the rig, also while it starts. */
  readonly teardowns?: Teardowns | undefined
  /** The module of the package that the nodes start with. */
  readonly plugin?: string | undefined
}

const nodeCount = 3
const channelsOfClient = 2

/** How long after the end of a fault the clients go on sending, and how long the rig waits for the last of all. */
const afterwardsMs = 2_000
const patienceMs = 45_000
const ackTimeoutMs = 25_000

type RigParts =
  Pick<Rig, 'nodes' | 'topology' | 'front' | 'clients' | 'teardowns'> & { readonly system: System }

/** Three nodes, Redis, clients in processes of their own, and networks between them that faults take away. */
export class Rig {
  readonly nodes: readonly RigNode[]
  readonly topology: Topology
  /** The network between the clients and the nodes, a load balancer at the same time. */
  readonly front: Proxy
  readonly crowds: Crowd[] = []
  readonly clients: readonly ClientSettings[]
  readonly teardowns: Teardowns
  readonly #system: System
  #events: LogEvent[] = []

  private constructor ({ system, nodes, topology, front, clients, teardowns }: RigParts) {
    this.#system = system
    this.nodes = nodes
    this.topology = topology
    this.front = front
    this.clients = clients
    this.teardowns = teardowns
  }

  /** Resolves once every client is in its channels. */
  static async start (size: RigSize, seed: number, options: RigOptions = {}): Promise<Rig> {
    const { topology: name = 'single', system = 'fastify-channels', plugin, teardowns = new Teardowns() } = options
    try {
      const topology = await startTopology(name, nodeCount, teardowns)
      const nodes = await Promise.all(topology.nodes.map(async (redis) =>
        new RigNode(system, { port: await freePort(), redis })))
      for (const node of nodes) teardowns.teardown(() => node.kill())
      await Promise.all(nodes.map((node) => node.start(plugin)))
      const front = await Proxy.open(nodes.map(({ port }) => port))
      teardowns.teardown(() => front.end())
      const rig = new Rig({ system, nodes, topology, front, clients: clientsOf(size, options.pattern), teardowns })
      await rig.#startCrowds(size, seed)
      return rig
    } catch (error) {
      await teardowns.run()
      throw error
    }
  }

  end (): Promise<void> {
    return this.teardowns.run()
  }

  /** Runs one fault under load, and resolves to the record of it once everything is quiet and as it should be. */
  async run (fault: Fault, seed: number): Promise<{ readonly log: RunLog, readonly verdict: Verdict }> {
    const random = new Random(seed)
    this.#events = []
    this.order({ order: 'send', names: this.clients.map(({ name }) => name) })
    await until(() => this.#events.filter(({ what }) => what === 'acked').length > this.clients.length)
    const began = now()
    const end = await fault.begin(this, random)
    const begun = now()
    await this.#leave(fault.lastsMs, random)
    await end()
    const ended = fault.isOverAtOnce ? begun : now()
    await wait(afterwardsMs)
    await this.quiet()
    const { losesHistory, hasSlowReaders } = fault
    const hasNoPresence = this.#system === 'socket.io'
    const log = { members: this.#members(), began, ended, losesHistory, hasSlowReaders, hasNoPresence }
    const verdict = await this.#settled(log)
    return { log: { ...log, events: this.#events }, verdict }
  }

  /** One of the nodes that have their share of the clients. */
  pickNode (random: Random): RigNode {
    const { front: { passages }, nodes, clients } = this
    const share = ({ port }: RigNode) => [...passages].filter((passage) => passage.port === port).length
    return random.pick(nodes.filter((node) => share(node) > clients.length / nodes.length / 2))
  }

  /** The network between a node and Redis. */
  linkOf (node: RigNode): Proxy {
    return this.topology.links[this.nodes.indexOf(node)] as Proxy
  }

  /** Clients that left are back in their channels. */
  async restore (): Promise<void> {
    const returned = this.crowds.map((crowd) => crowd.reported('joined'))
    this.order({ order: 'return' })
    await Promise.all(returned)
  }

  /** What the clients wrote down since the last call. */
  takeEvents (): LogEvent[] {
    return this.#events.splice(0)
  }

  order (order: Parameters<Crowd['order']>[0]): void {
    for (const crowd of this.crowds) crowd.order(order)
  }

  async #startCrowds ({ processes, rate }: RigSize, seed: number): Promise<void> {
    const { clients } = this
    this.crowds.push(...await Promise.all(Array.from({ length: processes }, (_, i) => Crowd.start({
      system: this.#system,
      url: `ws://127.0.0.1:${this.front.port}`,
      clients: clients.filter((_, n) => n % processes === i),
      seed: seed * 10 + i,
      rate: rate / clients.length
    }, (events) => this.#events.push(...events)))))
    for (const crowd of this.crowds) this.teardowns.teardown(() => crowd.end())
  }

  /** Two clients leave during the fault: one closes, the connection of the other one is lost. */
  async #leave (lastsMs: number, random: Random): Promise<void> {
    const beforeMs = random.next() * lastsMs
    await wait(beforeMs)
    const first = random.below(this.clients.length)
    const [closing, lost] = [first, first + 1].map((i) => this.clients[i % this.clients.length]?.name ?? '')
    this.order({ order: 'close', names: [closing as string] })
    this.order({ order: 'lose', names: [lost as string] })
    await wait(lastsMs - beforeMs)
  }

  /** Resolves once no client sends, and everything that they saw until then is here. */
  async quiet (): Promise<void> {
    const quiet = this.crowds.map((crowd) => crowd.reported('quiet'))
    this.order({ order: 'quiet' })
    await Promise.all(quiet)
  }

  #members (): Record<string, string[]> {
    const members: Record<string, string[]> = {}
    for (const { name, pattern, channels } of this.clients) {
      for (const channel of channels) (members[`${pattern}/${channel}`] ??= []).push(name)
    }
    return members
  }

  /** Waits until nothing is missing and every presence list is right. */
  async #settled (log: Omit<RunLog, 'events'>): Promise<Verdict> {
    const deadline = now() + (log.hasNoPresence ? ackTimeoutMs : patienceMs)
    for (;;) {
      const verdict = check({ ...log, events: this.#events })
      const { lost, unsettled, presence } = verdict
      if (lost.length + unsettled.length + presence.length === 0 || now() > deadline) return verdict
      await wait(500)
    }
  }
}

function now (): number {
  return performance.timeOrigin + performance.now()
}

function clientsOf ({ clients, channels }: RigSize, pattern: ClientSettings['pattern'] = 'rig'): ClientSettings[] {
  return Array.from({ length: clients }, (_, i) => ({
    name: `c${i}`,
    pattern,
    channels: Array.from({ length: Math.min(channels, channelsOfClient) }, (_, n) =>
      `${(i + n * (1 + Math.floor(i / channels) % Math.max(1, channels - 1))) % channels}`)
  }))
}
