/// <reference path="./cluster-key-slot.d.ts" />
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import slotOf from 'cluster-key-slot'

/** A command without an answer fails after this time, so that a hanging Redis holds nobody up for longer. */
const commandTimeoutMs = 3_000
/** The longest wait before a connection is tried again. */
const reconnectWaitMs = 500

/**
 * The options of each connection: it fails fast, repeats no command by itself, and reconnects for ever. The wait is
 * random (full jitter), so that the nodes of a restarting Redis do not all connect at once.
 */
function connectionOptions (random: () => number): RedisOptions {
  return {
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    lazyConnect: true,
    keyPrefix: '',
    retryStrategy: (times) => 20 + random() * Math.min(reconnectWaitMs, 50 * 2 ** Math.min(times, 10))
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
 * The `keyPrefix` of the application's client. The adapter puts it into its own names, and its connections add none,
 * because ioredis adds a prefix to the names that it sends and does not remove it from those that arrive.
 */
export function prefixOf ({ options }: Redis | Cluster): string {
  return String(options.keyPrefix ?? '')
}

/** The adapter's own connections, with the options of `client`. The client itself stays the application's. */
export function connectionsOf (client: Redis | Cluster, random: () => number): Connections {
  const connections = client instanceof Cluster
    ? cluster(client, connectionOptions(random))
    : single(client, connectionOptions(random))
  // An `error` event without a listener would end the process. A `close` event follows, and that one is handled.
  connections.command.on('error', () => {})
  return connections
}

function single (client: Redis, options: RedisOptions): Connections {
  return {
    command: client.duplicate({ ...options, enableAutoPipelining: true }),
    refresh: () => {},
    masters: () => [''],
    masterOf: () => '',
    routeOf: () => '',
    subscriber: () => quiet(client.duplicate(options))
  }
}

function cluster (client: Cluster, options: RedisOptions): Connections {
  const { retryStrategy, ...each } = options
  const command = client.duplicate([], {
    enableOfflineQueue: false,
    lazyConnect: true,
    enableAutoPipelining: true,
    keyPrefix: '',
    clusterRetryStrategy: retryStrategy as (times: number) => number,
    slotsRefreshTimeout: commandTimeoutMs,
    // The adapter calls `refresh` itself: the library's timer, when `disconnect` comes in the middle of a refresh,
    // keeps running and keeps the process alive.
    slotsRefreshInterval: 0,
    redisOptions: { ...client.options.redisOptions, ...each } as object
  })
  return {
    command,
    refresh: () => command.refreshSlotsCache(),
    // A master without slots has no channels.
    masters: () => [...new Set(command.slots.map(([master]) => master as string))],
    masterOf: (name) => command.slots[slotOf(name)]?.[0],
    routeOf: (name) => command.slots[slotOf(name)]?.join(),
    subscriber: (master) => {
      const colon = master.lastIndexOf(':')
      const own = { ...client.options.redisOptions, ...options } as object
      return quiet(new Redis(Number(master.slice(colon + 1)), master.slice(0, colon), own))
    }
  }
}

function quiet (redis: Redis): Redis {
  return redis.on('error', () => {})
}
