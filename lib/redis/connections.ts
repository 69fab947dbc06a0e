/// <reference path="./cluster-key-slot.d.ts" />
import { Cluster, Redis } from 'ioredis'
import slotOf from 'cluster-key-slot'
import {
  addressOf, clusterAddressOf, connectionOptionsOf, startupNodesOf, type ConnectionOptions, type RedisClient
} from './client-settings.ts'

/** A command without an answer fails after this time, so that a hanging Redis holds nobody up for longer. */
const commandTimeoutMs = 3_000
/** The longest wait before a connection is tried again. */
const reconnectWaitMs = 500

/**
 * The options of each connection: it fails fast, repeats no command by itself, and reconnects for ever. The wait is
 * random (full jitter), so that the nodes of a restarting Redis do not all connect at once.
 */
function connectionOptions (random: () => number): ConnectionOptions {
  const retryStrategy = (times: number) => 20 + random() * Math.min(reconnectWaitMs, 50 * 2 ** Math.min(times, 10))
  return {
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    lazyConnect: true,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy
  }
}

/** The connections to one Redis, Sentinel group or Cluster. A master's name is its address; '' for a single Redis. */
export interface Connections {
  readonly command: Redis | Cluster
  /** Reads the slots of a Cluster again. */
  refresh (): void
  /** The masters that can hold subscriptions; none until the slots of a Cluster are known. */
  masters (): readonly string[]
  /** The master that a key or channel name belongs to; undefined until the slots are known. */
  masterOf (name: string): string | undefined
  /**
   * Names with one route may share a pipeline. A route is finer than a master, because a master's slots have different
   * replicas while one of them moves.
   */
  routeOf (name: string): string | undefined
  /** A new connection to one master for subscriptions only; not connected yet. */
  subscriber (master: string): Redis
}

/**
 * The adapter's own connections, to the addresses of `client`. The client itself stays the application's. They are of
 * the adapter's own ioredis, because the application's may be of another version.
 */
export function connectionsOf (client: RedisClient, random: () => number): Connections {
  const options = { ...addressOf(connectionOptionsOf(client)), ...connectionOptions(random) }
  const connections = client.isCluster ? cluster(client, options) : single(options)
  // An `error` event without a listener would end the process. A `close` event follows, and that one is handled.
  connections.command.on('error', () => {})
  return connections
}

function single (options: ConnectionOptions): Connections {
  return {
    command: new Redis({ ...options, enableAutoPipelining: true }),
    refresh: () => {},
    masters: () => [''],
    masterOf: () => '',
    routeOf: () => '',
    subscriber: () => quiet(new Redis(options))
  }
}

function cluster (client: RedisClient, options: ConnectionOptions): Connections {
  const { retryStrategy, ...each } = options
  const command = new Cluster(startupNodesOf(client), {
    ...clusterAddressOf(client),
    enableOfflineQueue: false,
    lazyConnect: true,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryStrategy as (times: number) => number,
    slotsRefreshTimeout: commandTimeoutMs,
    // The adapter calls `refresh` itself: the library's timer, when `disconnect` comes in the middle of a refresh,
    // keeps running and keeps the process alive.
    slotsRefreshInterval: 0,
    redisOptions: each
  })
  command.on('+node', nameUnannounced)
  return {
    command,
    refresh: () => command.refreshSlotsCache(),
    // A master without slots has no channels.
    masters: () => [...new Set(command.slots.map(([master]) => master as string))],
    masterOf: (name) => command.slots[slotOf(name)]?.[0],
    routeOf: (name) => command.slots[slotOf(name)]?.join(),
    subscriber: (master) => {
      const colon = master.lastIndexOf(':')
      const [host, port] = [master.slice(0, colon), Number(master.slice(colon + 1))]
      // A node that the application named may have a password of its own.
      const known = command.nodes().find((node) => node.options.host === host && node.options.port === port)
      return quiet(new Redis({ ...options, ...addressOf(known?.options), host, port }))
    }
  }
}

type Slots = ReadonlyArray<readonly [first: number, last: number, ...nodes: Array<[host: string | null, port: number]>]>

/**
 * A node that does not know its own address has none in the list of slots, which means "the address that you asked".
 * ioredis leaves such nodes out, so it is filled in.
 */
function nameUnannounced (node: Redis): void {
  node.duplicate = (override) => {
    const copy = new Redis({ ...node.options as ConnectionOptions, ...override as ConnectionOptions })
    const send = copy.cluster.bind(copy) as (subcommand: 'SLOTS', callback: SlotsCallback) => Promise<unknown>
    const cluster: typeof send = (subcommand, callback) => send(subcommand, (error, slots) => {
      for (const [, , ...nodes] of slots ?? []) for (const one of nodes) one[0] ||= node.options.host as string
      callback(error, slots)
    })
    return Object.assign(copy, { cluster })
  }
}

type SlotsCallback = (error?: Error | null, slots?: Slots) => void

function quiet (redis: Redis): Redis {
  return redis.on('error', () => {})
}
