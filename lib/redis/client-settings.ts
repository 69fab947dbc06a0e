import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis'

/** The application's client, of any version of ioredis. The adapter reads its settings and never uses it. */
export interface RedisClient {
  readonly isCluster: boolean
  readonly status: string
  readonly options: object
  readonly duplicate: (...args: never[]) => unknown
}

/**
 * The options of ioredis that say where to connect, and as whom. Only these reach the adapter's connections: others,
 * such as `stringNumbers`, `replyMapping` or `readOnly`, change the replies, the order of commands, or who gets them.
 */
const addressOptions = [
  'host', 'port', 'path', 'family', 'tls', 'username', 'password', 'db', 'protocol', 'Connector', 'keepAlive',
  'noDelay', 'connectionName', 'disableClientInfo', 'clientInfoTag', 'sentinels', 'name',
  'sentinelUsername', 'sentinelPassword', 'sentinelTLS', 'enableTLSForSentinelMode', 'sentinelReconnectStrategy',
  'sentinelMaxConnections', 'updateSentinels', 'failoverDetector', 'natMap'
]

/** Those of a Cluster itself; its `redisOptions` are the options of its connections. */
const clusterAddressOptions = ['natMap', 'dnsLookup', 'useSRVRecords', 'resolveSrv']

/** Without the option that decides the types of replies: the adapter's connections have the default. */
export type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>

export function addressOf (options: object | undefined): ConnectionOptions {
  return pick(options, addressOptions)
}

export function clusterAddressOf ({ options }: RedisClient): ClusterOptions {
  return pick(options, clusterAddressOptions)
}

/** Each node that the application named, with what it said about that node. */
export function startupNodesOf (client: RedisClient): ClusterNode[] {
  const { startupNodes } = client as unknown as { startupNodes: ReadonlyArray<string | number | object> }
  return startupNodes.map((node) => typeof node === 'object' ? addressOf(node) as ClusterNode : node)
}

/** The number of the database. A Cluster has only one. */
export function databaseOf ({ isCluster, options }: RedisClient): number {
  return isCluster ? 0 : (options as { readonly db: number }).db
}

/** The options of a client's connections: those of a Cluster are nested. */
export function connectionOptionsOf ({ isCluster, options }: RedisClient): RedisOptions | undefined {
  return isCluster ? (options as ClusterOptions).redisOptions as RedisOptions | undefined : options
}

/**
 * The `keyPrefix` of the application's client. The adapter puts it into its own names, and its connections add none,
 * because ioredis adds a prefix to the names that it sends and does not remove it from those that arrive.
 */
export function prefixOf ({ options }: RedisClient): string {
  return String((options as RedisOptions).keyPrefix ?? '')
}

/** What is wrong with an option that should be a client, as the end of a sentence; undefined when it can be used. */
export function clientIssue (client: object): string | undefined {
  const { isCluster, status, options, duplicate } = client as Partial<RedisClient>
  if (typeof isCluster === 'boolean' && typeof status === 'string' && typeof duplicate === 'function' && options) {
    return settingsIssue(client as RedisClient)
  }
  return 'hSet' in client || 'send_command' in client
    ? 'is a client of node-redis: pass one of ioredis, such as new Redis(url), or { url } instead of { client }'
    : 'is not a client of ioredis: pass one, such as new Redis(url), or { url } instead of { client }'
}

function settingsIssue (client: RedisClient): string | undefined {
  // A hash tag would put the names of all channels into one slot.
  if (client.isCluster && /[{}]/.test(prefixOf(client))) {
    return "has a keyPrefix with '{' or '}': use one without, so that the channels are spread over the masters"
  }
  // ioredis would use database 0.
  return Number.isInteger(databaseOf(client)) ? undefined : 'has a database that is no number: use one from 0'
}

function pick (options: object | undefined, names: readonly string[]): object {
  return Object.fromEntries(Object.entries({ ...options }).filter(([name]) => names.includes(name)))
}
