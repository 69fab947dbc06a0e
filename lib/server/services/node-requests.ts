import type { Clock } from '../../clock.ts'
import type { NodesPort } from '../../cluster/nodes.ts'
import { clusterTimings } from '../../cluster/timings.ts'
import { withTimeout } from '../with-timeout.ts'
import type { LocalNodeRequests } from './local-node-requests.ts'

/**
 * The results of all nodes that answered within a second. `missing`: the ids of the others, or `unknown` when the
 * request did not leave this node. It is empty only if every node has answered.
 */
export interface NodeResults<T> {
  readonly results: readonly T[]
  readonly missing: readonly string[]
}

/** One part of a list. `cursor`: for the next part; absent in the last one. */
export interface Page<T> extends NodeResults<T> {
  readonly cursor?: string
}

/** How many connections a call reached on all nodes that answered within a second. `missing`: as of `NodeResults`. */
export interface Reached {
  readonly connections: number
  readonly missing: readonly string[]
}

/** The requests that resolve to a number of connections. */
type Counting = 'send' | 'disconnect' | 'add' | 'remove' | 'close' | 'reauthorize' | 'revoke'

/** The names of the requests to all nodes. Arguments and results are JSON. Each request is idempotent. */
export type NodeRequestName = 'info' | 'members' | 'rooms' | 'connections' | 'refreshHistory' | Counting

const names: ReadonlySet<string> = new Set<NodeRequestName>([
  'info', 'members', 'rooms', 'connections', 'refreshHistory', 'send', 'disconnect', 'add', 'remove', 'close',
  'reauthorize', 'revoke'
])

type Result<K extends NodeRequestName> = Awaited<ReturnType<LocalNodeRequests[K]>>

export interface NodeRequestsDeps {
  readonly nodeId: string
  readonly clock: Clock
  readonly port: NodesPort
  readonly local: LocalNodeRequests
}

const { nodeRequestTimeoutMs } = clusterTimings

/** A bound on the memory that a long outage costs. */
const maxUnchecked = 10_000

/** Sends requests to all nodes, this one included, and carries out those of other nodes. */
export class NodeRequests {
  readonly #deps: NodeRequestsDeps
  /** Users whose rights some node did not check. */
  readonly #unchecked = new Set<string>()

  constructor (deps: NodeRequestsDeps) {
    this.#deps = deps
  }

  /** Resolves once every node has answered, at the latest after `nodeRequestTimeoutMs`. */
  async requestAll<K extends NodeRequestName> (
    name: K, ...args: Parameters<LocalNodeRequests[K]>
  ): Promise<NodeResults<Result<K>>> {
    const { port, nodeId } = this.#deps
    const others = port.request([name, ...args], nodeRequestTimeoutMs)
    const own = await this.#ownResult(name, args)
    const { results, missing } = await others
    return {
      results: [...own, ...results.map(({ answer }) => answer)] as Array<Result<K>>,
      missing: own.length === 0 ? [nodeId, ...missing] : missing
    }
  }

  /** Sums the connections of all nodes that answered. */
  async requestSum<K extends Counting> (name: K, ...args: Parameters<LocalNodeRequests[K]>): Promise<Reached> {
    const { results, missing } = await this.requestAll(name, ...args)
    return { connections: (results as readonly number[]).reduce((sum, count) => sum + count, 0), missing }
  }

  /** Checks the rights of a user on all nodes. Nodes that do not answer are asked again by `repeatUnchecked`. */
  async reauthorize (userId: string): Promise<Reached> {
    this.#unchecked.delete(userId)
    const reached = await this.requestSum('reauthorize', { userId })
    if (reached.missing.length > 0 && this.#unchecked.size < maxUnchecked) this.#unchecked.add(userId)
    return reached
  }

  /** Asks again for the users whose rights some node did not check. Call it after a gap. */
  repeatUnchecked (): void {
    for (const userId of [...this.#unchecked]) this.reauthorize(userId)
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

  /** Empty when this node is not done in time, because a function of the application hangs. It goes on nevertheless. */
  async #ownResult (name: NodeRequestName, args: readonly unknown[]): Promise<unknown[]> {
    const result = this.#carryOut(name, args)
    if (!(result instanceof Promise)) return [result]
    const inTime = withTimeout(this.#deps.clock, nodeRequestTimeoutMs, result)
    return inTime.then((value: unknown) => [value], () => [])
  }

  #carryOut (name: NodeRequestName, args: readonly unknown[]): unknown {
    const { local } = this.#deps
    return (local[name] as (...args: readonly unknown[]) => unknown).apply(local, [...args])
  }
}
