import { newId } from '../../new-id.ts'
import { unknownNodes, type NodeAnswers } from '../../cluster/nodes.ts'
import type { RedisDeps } from '../redis-deps.ts'
import type { Lease } from './lease.ts'
import { requestScript } from './nodes-scripts.ts'

/** Answers that are remembered, so that a repeated request is not carried out twice. */
const maxRemembered = 1_000
/** A longer answer is not sent, and its node counts as missing. */
const maxAnswerBytes = 1_048_576
/** A request is repeated after this share of its deadline, which leaves the repetition twice as long. */
const repeatAfter = 1 / 3

/** One request on its way: whose answers are there, and whose are missing. */
class PendingRequest {
  readonly #answers = new Map<string, unknown>()
  readonly #finish: () => void
  #expected: readonly string[]
  #isPublished = false

  /** @param known the nodes that are missing if the request never leaves this node */
  constructor (known: readonly string[], finish: () => void) {
    this.#expected = known
    this.#finish = finish
  }

  get outcome (): NodeAnswers {
    const results = [...this.#answers].map(([node, answer]) => ({ node, answer }))
    const missing = this.#missing
    return { results, missing: this.#isPublished || missing.length > 0 ? missing : [unknownNodes] }
  }

  /** The request has left this node. `nodes`: the other nodes at that moment. */
  published (nodes: readonly string[]): void {
    this.#isPublished = true
    this.#expected = nodes
    this.#check()
  }

  /** A node that is not expected counts too: it may have got its lease after the request. */
  answered (node: string, answer: unknown): void {
    this.#answers.set(node, answer)
    this.#check()
  }

  get #missing (): string[] {
    return this.#expected.filter((node) => !this.#answers.has(node))
  }

  #check (): void {
    if (this.#isPublished && this.#missing.length === 0) this.#finish()
  }
}

/** Node requests: one message to all nodes, one answer from each, until the deadline. */
export class RedisNodeRequests {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  readonly #pending = new Map<string, PendingRequest>()
  readonly #answers = new Map<string, Promise<string>>()
  /** As of the last request that left this node. */
  #lastNodes: readonly string[] = []

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#lease = lease
  }

  request (request: unknown, deadlineMs: number): Promise<NodeAnswers> {
    const { clock, nodeId } = this.#deps
    const id = newId()
    const body = JSON.stringify([id, nodeId, request])
    return new Promise((resolve) => {
      const finish = () => {
        clock.clearTimeout(repeat)
        clock.clearTimeout(deadline)
        this.#pending.delete(id)
        resolve(pending.outcome)
      }
      const pending = new PendingRequest(this.#others([]), finish)
      const repeat = clock.setTimeout(() => this.#publish(body, pending), deadlineMs * repeatAfter)
      const deadline = clock.setTimeout(finish, deadlineMs)
      this.#pending.set(id, pending)
      this.#publish(body, pending)
    })
  }

  /** Receives the request of another node. @throws {TypeError | SyntaxError} when it is malformed */
  receiveRequest (body: Buffer): void {
    const { nodeId, publisher, reportFailure } = this.#deps
    const [id, node, request] = readParts(body)
    if (node === nodeId) return
    this.#answer(id, request).then((answer) => publisher.publish(this.answersOf(node), 'a', Buffer.from(answer)))
      .catch((err) => reportFailure(err, 'a node request was not answered, so the asking node lacks this ' +
        'node\'s part: check the error, the request handler and the connection to Redis'))
  }

  /** Receives an answer; a late one is ignored. @throws {TypeError | SyntaxError} when it is malformed */
  receiveAnswer (body: Buffer): void {
    const [id, node, answer] = readParts(body)
    this.#pending.get(id)?.answered(node, answer)
  }

  /** The pub/sub channel for the answers to a node. */
  answersOf (nodeId: string): string {
    return this.#deps.keys.ofNode(nodeId, 'answers')
  }

  /** Published even if this node knows no other one, because a node may have started since the last renewal. */
  #publish (body: string, pending: PendingRequest): void {
    const { scripts, keys } = this.#deps
    const names = ['live', 'nodes', 'nodes-pubsub'].map((part) => keys.shared(part))
    // The request is repeated, and a node that it did not reach is missing.
    scripts.run(requestScript, names, [body])
      .then((nodes) => {
        this.#lastNodes = nodes as string[]
        pending.published(this.#others(this.#lastNodes))
      }, () => {})
  }

  /** The other nodes. A list that lacks this node is incomplete, because Redis has lost its data. */
  #others (nodes: readonly string[]): string[] {
    const { nodeId } = this.#deps
    const all = nodes.includes(nodeId) ? nodes : [...this.#lastNodes, ...this.#lease.live.values()]
    return [...new Set(all)].filter((node) => node !== nodeId)
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
