/**
 * What travels over Redis pub/sub: `version kind body`, one byte each for the first two. The body is the kind's own.
 *
 *   f  frames of a node's turn        outgoing.ts
 *   p  a change of presence           presence.ts, made in presence.lua
 *   l  an entry of a log              log.ts, made in append.lua
 *   r  a revocation                   revocations.ts
 *   q  a question to nodes, a  its answer   questions.ts
 *   o  a probe of the subscription    probe.ts
 */
export const version = '1'

const kinds = ['f', 'p', 'l', 'r', 'q', 'a', 'o'] as const

export type Kind = typeof kinds[number]

/** Larger messages are none of ours. */
const maxMessage = 64 * 1_048_576

/** @throws {TypeError} for a message that is none of ours. */
export function readKind (message: Buffer): Kind {
  const kind = kinds.find((kind) => kind.charCodeAt(0) === message[1])
  if (message.length > maxMessage) throw new TypeError(`${message.length} bytes are too many`)
  if (message[0] !== version.charCodeAt(0)) throw new TypeError('not of this version')
  if (kind === undefined) throw new TypeError('of no kind')
  return kind
}

/** Takes the body of a message of its kind; throws when it is none. The subscriber counts that, logs it, and goes on. */
export type Take = (body: Buffer) => void

/** The subscriptions of this node, restored whenever Redis was away. */
export interface Subscriptions {
  /** Resolves once messages reach us; rejects, and subscribes to nothing, when that fails. A second call for a name replaces its takers. */
  subscribe (name: string, take: Partial<Record<Kind, Take>>): Promise<void>
  /** Of several calls of both for a name the last one counts. */
  unsubscribe (name: string): Promise<void>
}

/** The messages on their way to Redis: bounded, in one pipeline per master and turn. */
export interface Publisher {
  /** Rejects with `RedisAway` where it went nowhere, or nobody knows. */
  publish (name: string, kind: Kind, body: Buffer): Promise<void>
}
