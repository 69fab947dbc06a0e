import type { NodesPort } from '../../cluster/nodes.ts'
import { clusterTimings } from '../../cluster/timings.ts'
import type { LocalNodeRequests } from './local-node-requests.ts'

/** The results of all nodes that answered in time. `missing`: the ids of the others. */
export interface NodeResults<T> {
  readonly results: readonly T[]
  readonly missing: readonly string[]
}

/** The names of the requests to all nodes. Arguments and results are JSON. Each request is idempotent. */
export type NodeRequestName = 'info' | 'send' | 'disconnect' | 'members' | 'remove' | 'reauthorize'

const names: ReadonlySet<string> =
  new Set<NodeRequestName>(['info', 'send', 'disconnect', 'members', 'remove', 'reauthorize'])

type Result<K extends NodeRequestName> = Awaited<ReturnType<LocalNodeRequests[K]>>

/** Sends requests to all nodes, this one included, and carries out those of other nodes. */
export class NodeRequests {
  readonly #port: NodesPort
  readonly #local: LocalNodeRequests

  constructor (port: NodesPort, local: LocalNodeRequests) {
    this.#port = port
    this.#local = local
  }

  /** Resolves once every node has answered, at the latest after `nodeRequestTimeoutMs`. */
  async requestAll<K extends NodeRequestName> (
    name: K, ...args: Parameters<LocalNodeRequests[K]>
  ): Promise<NodeResults<Result<K>>> {
    const answers = this.#port.request([name, ...args], clusterTimings.nodeRequestTimeoutMs)
    const own = await this.#carryOut(name, args)
    const { results, missing } = await answers
    return { results: [own, ...results.map(({ answer }) => answer)] as Array<Result<K>>, missing }
  }

  /** Sums the numbers of all nodes that answered. */
  async requestSum<K extends 'send' | 'disconnect' | 'remove'> (
    name: K, ...args: Parameters<LocalNodeRequests[K]>
  ): Promise<number> {
    const { results } = await this.requestAll(name, ...args)
    return (results as readonly number[]).reduce((sum, count) => sum + count, 0)
  }

  /**
   * Carries out a request of another node.
   *
   * @throws {Error} for a request of a newer version; the other node then counts this one as missing
   */
  handle (request: unknown): unknown {
    const [name, ...args] = Array.isArray(request) ? request as unknown[] : []
    if (!names.has(name as string)) throw new Error('unknown node request')
    return this.#carryOut(name as NodeRequestName, args)
  }

  #carryOut (name: NodeRequestName, args: readonly unknown[]): unknown {
    return (this.#local[name] as (...args: readonly unknown[]) => unknown).apply(this.#local, [...args])
  }
}
