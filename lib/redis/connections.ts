/// <reference path="./cluster-key-slot.d.ts" />
import { Cluster, Redis, type ClusterOptions } from 'ioredis'
import slotOf from 'cluster-key-slot'
import {
  addressOf, clusterAddressOf, connectionOptionsOf, startupNodesOf, type ConnectionOptions, type RedisClient
} from './client-settings.ts'
import { nameInSlot } from './name-in-slot.ts'
import { readSlotsWith } from './read-slots.ts'

/** A command without an answer fails after this time, so that a hanging Redis holds nobody up for longer. */
const commandTimeoutMs = 3_000
/**
 * A connection on which commands wait and nothing arrives for this long is replaced. After a break of the network TCP
 * repeats what was lost later and later, so an old connection would come back long after the network does.
 */
const silenceMs = 2_000
/** The longest wait before a connection is tried again. */
const reconnectWaitMs = 500
/** The same for a connection that is being made. The second attempt of TCP comes after 1 s. */
const connectTimeoutMs = 2_000
/**
 * How long a connection may take to close before it is destroyed: enough for what is still to be written. ioredis waits
 * this long for a connection that was lost before, too, and keeps the process alive meanwhile.
 */
export const disconnectTimeoutMs = 100

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
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: silenceMs,
    lazyConnect: true,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    // A Sentinel that hangs would hide the others, and keep the process alive for ever.
    sentinelCommandTimeout: connectTimeoutMs,
    // The library's own check waits for a Redis that loads its data, up to 10 s too long, and does not tell why.
    enableReadyCheck: false,
    // A dead connection is not closed by its other end.
    disconnectTimeout: disconnectTimeoutMs
  }
}

/** The options of a connection whose commands may block it for this long. */
function blocking (blockMs: number): ConnectionOptions {
  return { commandTimeout: blockMs + commandTimeoutMs, socketTimeout: blockMs + silenceMs }
}

/** The connections to one Redis, Sentinel group or Cluster. A master's name is its address; '' for a single Redis. */
export interface Connections {
  readonly command: Redis | Cluster
  /** The connections for commands, one to each known master. */
  servers (): readonly Redis[]
  /** Connects for commands again: the address may lead to another server by now. */
  reconnect (): void
  /** Reads the slots of a Cluster again. */
  refresh (): void
  /** The masters that can hold subscriptions; none until the slots of a Cluster are known. */
  masters (): readonly string[]
  /** The master that a key or channel name belongs to; undefined until the slots are known. */
  masterOf (name: string): string | undefined
  /** The name, for some text, in the last slot of a known master. The first slots are those that redis-cli moves. */
  nameAt (master: string, nameOf: (text: string) => string): string
  /**
   * Names with one route may share a pipeline. A route is finer than a master, because a master's slots have different
   * replicas while one of them moves.
   */
  routeOf (name: string): string | undefined
  /**
   * The connection for commands to the master that a name belongs to; undefined while there is none. It keeps the order
   * of commands, which `command` does not: that one sends a command to any master of a Cluster when it has none for it,
   * and again to where it is sent on.
   */
  serverOf (name: string): Redis | undefined
  /** A new connection to one master for subscriptions only; not connected yet. */
  subscriber (master: string): Redis
  /** The same for commands that block it for up to `blockMs` milliseconds. */
  waiter (master: string, blockMs: number): Redis
}

/**
 * The adapter's own connections, to the addresses of `client`. The client itself stays the application's. They are of
 * the adapter's own ioredis, because the application's may be of another version. `failed` receives each error of a
 * connection; one that closes it is followed by a `close` event.
 */
export function connectionsOf (client: RedisClient, random: () => number, failed: OnError): Connections {
  const options = { ...addressOf(connectionOptionsOf(client)), ...connectionOptions(random) }
  return client.isCluster ? cluster(client, options, failed) : single(options, failed)
}

type OnError = (error: Error) => void

/**
 * Replaces an open connection. One that is being made is left alone: ioredis gives a connection up for ever when it is
 * told to end while it asks the Sentinels for the address.
 */
export function replace (redis: Redis): void {
  if (redis.status === 'ready' || redis.status === 'connect') redis.disconnect(true)
}

/**
 * Closes a connection for good. Node.js may report the error of a TLS handshake twice when it is ended meanwhile.
 * ioredis listens for one error, so the second would end the process.
 */
export function end (redis: Redis | Cluster): void {
  for (const { stream } of 'nodes' in redis ? redis.nodes() : [redis]) stream?.on('error', () => {})
  redis.disconnect()
}

/** ioredis ends the process when an `error` event has no listener. */
function reporting (redis: Redis, failed: OnError): Redis {
  // The error of a Sentinel says more than the error about all of them, which follows.
  redis.on('sentinelError', failed)
  return redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    // ioredis goes on in database 0.
    if (error.command?.name === 'select') replace(redis)
    failed(error)
  })
}

function single (options: ConnectionOptions, failed: OnError): Connections {
  const command = reporting(new Redis({ ...options, enableAutoPipelining: true }), failed)
  return {
    command,
    servers: () => [command],
    reconnect: () => replace(command),
    refresh: () => {},
    masters: () => [''],
    masterOf: () => '',
    nameAt: (_master, nameOf) => nameOf('0'),
    routeOf: () => '',
    serverOf: () => command,
    subscriber: () => reporting(new Redis(options), failed),
    waiter: (_master, blockMs) => reporting(new Redis({ ...options, ...blocking(blockMs) }), failed)
  }
}

const clusterOptions: ClusterOptions = {
  enableOfflineQueue: false,
  lazyConnect: true,
  enableReadyCheck: false,
  enableAutoPipelining: true,
  // A command to a Cluster that is down fails at once, and one to a connection that is closed, too: the library would
  // send it again later, after the messages that follow it.
  retryDelayOnClusterDown: 0,
  retryDelayOnFailover: 0,
  // While a slot moves, the library would hold back all commands to its master. The script runner repeats the script.
  retryDelayOnTryAgain: 0,
  maxRedirections: 5,
  slotsRefreshTimeout: commandTimeoutMs,
  // The adapter calls `refresh` itself, because the library's timer outlives a `disconnect` during a refresh.
  slotsRefreshInterval: 0
}

function serverAt (cluster: Cluster, master: string | undefined): Redis | undefined {
  return cluster.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === master)
}

function cluster (client: RedisClient, options: ConnectionOptions, failed: OnError): Connections {
  // A Cluster has one database.
  const { retryStrategy, db, ...each } = options
  const command = new Cluster(startupNodesOf(client), {
    ...clusterOptions,
    ...clusterAddressOf(client),
    clusterRetryStrategy: retryStrategy as (times: number) => number,
    redisOptions: each
  })
  const refresh = () => command.refreshSlotsCache()
  const connect = (master: string, own: ConnectionOptions = {}) => {
    const colon = master.lastIndexOf(':')
    const [host, port] = [master.slice(0, colon), Number(master.slice(colon + 1))]
    // A node that the application named may have a password of its own.
    const known = command.nodes().find((node) => node.options.host === host && node.options.port === port)
    return reporting(new Redis({ ...each, retryStrategy, ...addressOf(known?.options), host, port, ...own }), failed)
  }
  command.on('+node', (node: Redis) => readSlotsWith(node, failed)).on('node error', failed).on('error', failed)
  return {
    command,
    servers: () => command.nodes('master'),
    reconnect: refresh,
    refresh,
    // A master without slots has no channels, and a slot may have no master.
    masters: () => [...new Set(command.slots.map(([master]) => master))].filter((master) => master !== undefined),
    masterOf: (name) => command.slots[slotOf(name)]?.[0],
    nameAt: (master, nameOf) => nameInSlot(nameOf, command.slots.findLastIndex(([of]) => of === master)),
    routeOf: (name) => command.slots[slotOf(name)]?.join(),
    serverOf: (name) => serverAt(command, command.slots[slotOf(name)]?.[0]),
    subscriber: (master) => connect(master),
    waiter: (master, blockMs) => connect(master, blocking(blockMs))
  }
}
