import { randomUUID } from 'node:crypto'
import type { NodeAnswers } from '../../cluster/nodes.ts'
import type { RedisDeps } from '../redis-deps.ts'
import type { Lease } from './lease.ts'

/** Answers that are remembered, so that a repeated request is not carried out twice. */
const maxRemembered = 1_000
/** A longer answer is not sent, and its node counts as missing. */
const maxAnswerBytes = 1_048_576
/** A request is repeated after this share of its deadline, which leaves the repetition twice as long. */
const repeatAfter = 1 / 3

interface Pending {
  readonly missing: Set<string>
  readonly results: Array<{ node: string, answer: unknown }>
  finish (): void
}

/** Node requests: one message to all nodes, one answer from each, until the deadline. */
export class RedisNodeRequests {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  readonly #pending = new Map<string, Pending>()
  readonly #answers = new Map<string, Promise<string>>()

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#lease = lease
  }

  request (request: unknown, deadlineMs: number): Promise<NodeAnswers> {
    const { clock, nodeId } = this.#deps
    const id = randomUUID()
    const missing = new Set([...this.#lease.live.values()].filter((node) => node !== nodeId))
    const results: Pending['results'] = []
    if (missing.size === 0) return Promise.resolve({ results, missing: [] })
    return new Promise((resolve) => {
      const repeat = clock.setTimeout(() => this.#publish(id, request), deadlineMs * repeatAfter)
      const deadline = clock.setTimeout(() => finish(), deadlineMs)
      const finish = () => {
        clock.clearTimeout(repeat)
        clock.clearTimeout(deadline)
        this.#pending.delete(id)
        resolve({ results, missing: [...missing] })
      }
      this.#pending.set(id, { missing, results, finish })
      this.#publish(id, request)
    })
  }

  /** Receives the request of another node. @throws {TypeError | SyntaxError} when it is malformed */
  receiveRequest (body: Buffer): void {
    const { nodeId, publisher, log } = this.#deps
    const [id, node, request] = readParts(body)
    if (node === nodeId) return
    this.#answer(id, request).then((answer) => publisher.publish(this.answersOf(node), 'a', Buffer.from(answer)))
      .catch((err) => log.warn({ err, node }, 'a node request was not answered, so the asking node lacks this ' +
        'node\'s part: check the error, the request handler and the connection to Redis'))
  }

  /** Receives an answer; a late one is ignored. @throws {TypeError | SyntaxError} when it is malformed */
  receiveAnswer (body: Buffer): void {
    const [id, node, answer] = readParts(body)
    const pending = this.#pending.get(id)
    if (!pending?.missing.delete(node)) return
    pending.results.push({ node, answer })
    if (pending.missing.size === 0) pending.finish()
  }

  /** The pub/sub channel for the answers to a node. */
  answersOf (nodeId: string): string {
    return this.#deps.keys.ofNode(nodeId, 'answers')
  }

  #publish (id: string, request: unknown): void {
    const { publisher, keys, nodeId } = this.#deps
    const body = Buffer.from(JSON.stringify([id, nodeId, request]))
    // The request is repeated; the publish queue logs that messages are dropped.
    publisher.publish(keys.shared('nodes-pubsub'), 'q', body).catch(() => {})
  }

  #answer (id: string, request: unknown): Promise<string> {
    const known = this.#answers.get(id) ?? this.#encodeAnswer(id, request)
    this.#answers.set(id, known)
    if (this.#answers.size > maxRemembered) this.#answers.delete(this.#answers.keys().next().value as string)
    return known
  }

  async #encodeAnswer (id: string, request: unknown): Promise<string> {
    const { nodeId, events } = this.#deps
    const answer = JSON.stringify([id, nodeId, await events.requested(request) ?? null])
    if (answer.length > maxAnswerBytes) throw new TypeError(`the answer is longer than ${maxAnswerBytes} bytes`)
    return answer
  }
}

function readParts (body: Buffer): readonly [id: string, node: string, content: unknown] {
  const parts: unknown = JSON.parse(body.toString())
  if (!Array.isArray(parts) || parts.length !== 3 || typeof parts[0] !== 'string' || typeof parts[1] !== 'string') {
    throw new TypeError('a node request or an answer without its parts')
  }
  return [parts[0], parts[1], parts[2] as unknown]
}
