/// <reference path="./cluster-key-slot.d.ts" />
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import slotOf from 'cluster-key-slot'

/** Milliseconds until an unanswered command has failed. */
const commandTimeout = 3_000
const longestWait = 2_000

/**
 * Every connection of the adapter's: fails fast, repeats nothing by itself, and comes back for ever. `random`: full jitter, so that the nodes of
 * a Redis that restarts do not all come at once.
 */
function manners (random: () => number): RedisOptions {
  return {
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeout,
    commandTimeout,
    lazyConnect: true,
    keyPrefix: '',
    retryStrategy: (times) => 20 + random() * Math.min(longestWait, 50 * 2 ** Math.min(times, 10))
  }
}

/** The connections to one Redis, whatever it consists of. A master is known by its address; that of a single Redis is ''. */
export interface Connections {
  readonly command: Redis | Cluster
  /** Asks a Cluster what it consists of now. */
  refresh (): void
  /** Every master that subscriptions may live on; none while a Cluster is not known. */
  masters (): readonly string[]
  /** The master that a name belongs to; undefined while nobody knows. */
  masterOf (name: string): string | undefined
  /** Names with the same route may travel in one pipeline: finer than the master, whose slots have different replicas for as long as one of them moves. */
  routeOf (name: string): string | undefined
  /** A connection to one master, for nothing but subscriptions; not connected yet. */
  subscriber (master: string): Redis
}

/**
 * What the application's client puts before all of its names. Ours are told in full, and the connections add nothing: a client would add it to the
 * names that it sends, and not take it off those that come back.
 */
export function prefixOf ({ options }: Redis | Cluster): string {
  return String(options.keyPrefix ?? '')
}

/** Connections of our own, made after those of `client`, which stays the user's. */
export function connectionsOf (client: Redis | Cluster, random: () => number): Connections {
  const connections = client instanceof Cluster ? cluster(client, manners(random)) : single(client, manners(random))
  // An error is followed by a close; one that nobody listens to ends the process.
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
    slotsRefreshTimeout: commandTimeout,
    // `refresh` does it: a timer of the library's own, caught in the middle of that by `disconnect`, goes on for ever and keeps the process alive.
    slotsRefreshInterval: 0,
    redisOptions: { ...client.options.redisOptions, ...each } as object
  })
  return {
    command,
    refresh: () => command.refreshSlotsCache(),
    // A master without slots has nothing to subscribe to.
    masters: () => [...new Set(command.slots.map(([master]) => master as string))],
    masterOf: (name) => command.slots[slotOf(name)]?.[0],
    routeOf: (name) => command.slots[slotOf(name)]?.join(),
    subscriber: (master) => {
      const colon = master.lastIndexOf(':')
      return quiet(new Redis(Number(master.slice(colon + 1)), master.slice(0, colon), { ...client.options.redisOptions, ...options } as object))
    }
  }
}

function quiet (redis: Redis): Redis {
  return redis.on('error', () => {})
}
