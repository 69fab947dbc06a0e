/** The first byte of every message. A node drops messages of another version. */
const version = '1'

/**
 * What travels over Redis pub/sub: one byte for the version, one for the kind, then the body.
 *
 * | kind | message | body | written by |
 * |---|---|---|---|
 * | m | ephemeral messages of one node | node id, then each message | pubsub/message-batch.ts |
 * | p | changes of a presence list | JSON: epoch, first sequence, changes | presence/presence-state-lua.ts |
 * | h | one entry of a history | JSON head, line feed, encoded message, snapshot | history/append-script.ts |
 * | e | several entries that follow each other | JSON head, line feed, each message and snapshot | the same |
 * | r | a revocation | JSON: node, key, end, time of Redis | cluster/nodes-scripts.ts |
 * | q | a node request | JSON: id, node, request | cluster/nodes-scripts.ts |
 * | a | the answer to a node request | JSON: id, node, answer | cluster/redis-node-requests.ts |
 * | o | a probe of this node's own subscription | time of sending in ms | pubsub/probe.ts |
 */
const kinds = ['m', 'p', 'h', 'e', 'r', 'q', 'a', 'o'] as const

export type Kind = typeof kinds[number]

/** No node publishes larger messages: 64 MiB is far above `maxPayload` and the publish queue's bound. */
const maxMessageBytes = 64 * 1_048_576

/** The bytes before the body, also for messages that a script publishes. */
export function headerOf (kind: Kind): string {
  return version + kind
}

/** @throws {TypeError} for a message that no node of this version publishes */
export function readKind (message: Buffer): Kind {
  const kind = kinds.find((kind) => kind.charCodeAt(0) === message[1])
  if (message.length > maxMessageBytes) throw new TypeError(`message of ${message.length} bytes: too many`)
  if (message[0] !== version.charCodeAt(0)) throw new TypeError('message of another version')
  if (kind === undefined) throw new TypeError('message of an unknown kind')
  return kind
}

/** Receives the body of a message. It throws for a malformed body; such a message is counted, logged and dropped. */
export type Receiver = (body: Buffer) => void

export type Receivers = Readonly<Partial<Record<Kind, Receiver>>>

/** The subscriptions of this node, restored after every interruption. */
export interface Subscriptions {
  /**
   * Resolves once messages reach this node, or at once while Redis is unreachable. Rejects, without a subscription,
   * when Redis refuses it. A second call for a name replaces its receivers.
   */
  subscribe (name: string, receivers: Receivers): Promise<void>
  /** Of several calls of both for a name, the last one counts. */
  unsubscribe (name: string): Promise<void>
}

/** Sends messages to Redis: bounded, in one pipeline per master and event-loop turn. */
export interface Publisher {
  /** Rejects with `RedisUnavailable` when the message was not sent, or when that is unknown. */
  publish (name: string, kind: Kind, body: Buffer): Promise<void>
}
