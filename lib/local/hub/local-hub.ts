import type { Server, Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import type { ClusterTimings } from '../../cluster/timings.ts'
import { MemoryAdapter, MemoryHub } from '../../memory/memory-adapter.ts'
import type { GracePeriod } from '../grace-period.ts'
import type { HubDirectory } from './hub-directory.ts'
import { HubSession } from './hub-session.ts'

/** How long the hub waits at its end for nodes to take what was sent to them, in milliseconds. */
const closeTimeoutMs = 1_000

export interface LocalHubDeps {
  readonly directory: HubDirectory
  /** The claimed generation. */
  readonly generation: number
  readonly server: Server
  /** A clock that does not jump. */
  readonly clock: Clock
  readonly timings: ClusterTimings
  /** The number of nodes that the last hub had, apart from the one in its process. */
  readonly expectedNodes: number
  readonly malformed: () => void
  /** The number of nodes has changed. */
  readonly nodesChanged: (count: number) => void
  /** Another process may be the hub by now, because the directory was removed. */
  readonly lost: () => void
}

/** The state that the nodes of one machine share, in the memory of this process, and the connections of the others. */
export class LocalHub {
  readonly #deps: LocalHubDeps
  readonly #memory: MemoryHub
  readonly #sessions = new Set<HubSession>()
  readonly #ready = new Set<string>()
  #waiting: Array<() => void> = []
  #isOpen = false
  #openTimer: Timer
  #timer: Timer

  constructor (deps: LocalHubDeps) {
    this.#deps = deps
    this.#memory = new MemoryHub(deps.clock, deps.timings)
    deps.server.on('connection', (socket) => this.#accept(socket))
    this.#openTimer = deps.clock.setTimeout(() => this.#open(), deps.timings.hubProbeIntervalMs)
    this.#tickLater()
  }

  /** The node of this process, not started yet. */
  newNode (nodeId: string): MemoryAdapter {
    return new MemoryAdapter(this.#memory, nodeId)
  }

  /**
   * A node has told everything that it knows. The hub opens when all expected nodes have, because until then a message
   * would not reach them, and replies and quotas would be incomplete. It does not wait long for a node that is gone.
   */
  async ready (nodeId: string): Promise<void> {
    this.#ready.add(nodeId)
    if (this.#ready.size >= this.#deps.expectedNodes) this.#open()
    if (!this.#isOpen) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  announceNodes (): void {
    const { size } = this.#memory.nodes
    this.#deps.nodesChanged(size)
    for (const session of this.#sessions) session.announceNodes(size)
  }

  /**
   * Ends the hub. Another process takes over as soon as nobody listens.
   *
   * @param graces the grace periods that began in this process
   */
  async close (graces: readonly GracePeriod[] = []): Promise<void> {
    const { clock, server } = this.#deps
    clock.clearTimeout(this.#timer)
    this.#open()
    server.removeAllListeners('connection').on('connection', (socket) => socket.destroy())
    server.close()
    const sessions = [...this.#sessions]
    for (const session of sessions) session.handOver(graces)
    const timeout = clock.setTimeout(() => { for (const session of sessions) session.destroy() }, closeTimeoutMs)
    await Promise.all(sessions.map((session) => session.end()))
    clock.clearTimeout(timeout)
  }

  #open (): void {
    this.#isOpen = true
    this.#deps.clock.clearTimeout(this.#openTimer)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #accept (socket: Socket): void {
    this.#sessions.add(new HubSession(socket, this.#memory, {
      clock: this.#deps.clock,
      ready: (nodeId) => this.ready(nodeId),
      joined: (session) => this.#replace(session),
      nodesChanged: () => this.announceNodes(),
      malformed: () => this.#deps.malformed(),
      left: (session) => {
        if (this.#sessions.delete(session)) this.announceNodes()
      }
    }))
  }

  /** A node that connects again replaces its earlier connection, whose end may be noticed later. */
  #replace (session: HubSession): void {
    for (const other of this.#sessions) if (other !== session && other.nodeId === session.nodeId) other.destroy()
  }

  #tickLater (): void {
    const { clock, timings: { leaseRenewalMs } } = this.#deps
    this.#timer = clock.setTimeout(() => this.#tick(), leaseRenewalMs)
  }

  #tick (): void {
    for (const session of this.#sessions) session.tick()
    if (this.#isNewest()) this.#tickLater()
    else this.#deps.lost()
  }

  #isNewest (): boolean {
    const { directory, generation } = this.#deps
    try {
      return directory.newest() === generation
    } catch {
      return false
    }
  }
}
