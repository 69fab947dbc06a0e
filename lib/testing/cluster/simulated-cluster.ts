import { systemClock, type Clock } from '../../clock.ts'
import type { Adapter } from '../../cluster/adapter.ts'
import { MemoryHub } from '../../memory/memory-adapter.ts'
import { CuttableAdapter } from './cuttable-adapter.ts'

/** The part of a Fastify application that a cluster needs. */
export interface ClusterApp {
  ready (): PromiseLike<unknown>
  close (): PromiseLike<unknown>
}

export interface SimulatedClusterOptions<App extends ClusterApp> {
  /** Builds the application of one node. It registers the plugin with these options. `node` counts from 0. */
  readonly build: (options: { readonly adapter: Adapter, readonly clock: Clock }, node: number) => App | Promise<App>
  /** @default 2 */
  readonly nodes?: number | undefined
  /** @default the time of this machine */
  readonly clock?: Clock | undefined
}

/** Several nodes in one process. */
export interface SimulatedCluster<App extends ClusterApp> {
  /** The application of each node. */
  readonly apps: readonly App[]
  /** Cuts the connection of a node to the others, as when it loses Redis. */
  cut (node: number): void
  /** Connects a node again. Resolves once the others know of its users. */
  heal (node: number): Promise<void>
  /** Closes all nodes. */
  close (): Promise<void>
}

/**
 * Starts several nodes in one process. They share rooms, presence and histories like nodes on one Redis.
 *
 * @example
 * const cluster = await simulatedCluster({ nodes: 2, clock, build: (options) => buildApp(options) })
 */
export async function simulatedCluster<App extends ClusterApp> (
  { build, nodes = 2, clock = systemClock }: SimulatedClusterOptions<App>
): Promise<SimulatedCluster<App>> {
  const hub = new MemoryHub(clock)
  const revocations = new Map<string, number>()
  const adapters = Array.from({ length: nodes }, () => new CuttableAdapter(hub, revocations))
  const apps: App[] = []
  for (const [node, adapter] of adapters.entries()) apps.push(await build({ adapter, clock }, node))
  for (const app of apps) await app.ready()
  const adapterOf = (node: number): CuttableAdapter => {
    const adapter = adapters[node]
    if (!adapter) throw new RangeError(`there is no node ${node}: pass a number from 0 to ${nodes - 1}`)
    return adapter
  }
  return {
    apps,
    cut: (node) => adapterOf(node).cut(),
    heal: (node) => adapterOf(node).heal(),
    close: async () => { for (const app of apps) await app.close() }
  }
}
