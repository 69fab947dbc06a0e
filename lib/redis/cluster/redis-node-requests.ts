import { randomUUID } from 'node:crypto'
import type { AdapterEvents } from '../../cluster/events.ts'
import type { NodeAnswers } from '../../cluster/nodes.ts'
import type { Lease } from './lease.ts'
import type { RedisDeps } from '../redis-deps.ts'

/** Answers that are remembered, so that a question that comes twice is not carried out twice. */
const remembered = 1_000
const maxAnswer = 1_048_576

interface Pending { readonly missing: Set<string>, readonly results: Array<{ node: string, answer: unknown }>, done (): void }

/** What nodes ask each other: one message to all, an answer from each, and whatever came by the deadline. */
export class RedisNodeRequests {
  readonly #around: RedisDeps
  readonly #lease: Lease
  readonly #receiver: Pick<AdapterEvents, 'requested'>
  readonly #pending = new Map<string, Pending>()
  readonly #answered = new Map<string, Promise<string>>()

  constructor (around: RedisDeps, lease: Lease, receiver: Pick<AdapterEvents, 'requested'>) {
    this.#around = around
    this.#lease = lease
    this.#receiver = receiver
  }

  ask (question: unknown, deadline: number): Promise<NodeAnswers> {
    const id = randomUUID()
    const missing = new Set([...this.#lease.live.values()].filter((node) => node !== this.#around.node))
    const results: Pending['results'] = []
    if (missing.size === 0) return Promise.resolve({ results, missing: [] })
    return new Promise((resolve) => {
      const { clock } = this.#around
      const done = () => {
        clock.clearTimeout(again)
        clock.clearTimeout(over)
        this.#pending.delete(id)
        resolve({ results, missing: [...missing] })
      }
      const again = clock.setTimeout(() => this.#publish(id, question), deadline / 3)
      const over = clock.setTimeout(done, deadline)
      this.#pending.set(id, { missing, results, done })
      this.#publish(id, question)
    })
  }

  /** Takes a question. @throws {TypeError | SyntaxError} when it is malformed */
  takeQuestion (body: Buffer): void {
    const message: unknown = JSON.parse(body.toString())
    if (!isMessage(message)) throw new TypeError('a question without its parts')
    const [id, from, question] = message
    if (from === this.#around.node) return
    this.#answer(id, question).then((answer) => this.#around.publisher.publish(this.inboxOf(from), 'a', Buffer.from(answer)))
      // Whoever cannot answer is missing.
      .catch((err) => this.#around.log.warn({ err }, 'a question of another node was not answered'))
  }

  /** Takes an answer; one that nobody waits for any more is ignored. @throws {TypeError | SyntaxError} when it is malformed */
  takeAnswer (body: Buffer): void {
    const message: unknown = JSON.parse(body.toString())
    if (!isMessage(message)) throw new TypeError('an answer without its parts')
    const [id, node, answer] = message
    const pending = this.#pending.get(id)
    if (!pending?.missing.delete(node)) return
    pending.results.push({ node, answer })
    if (pending.missing.size === 0) pending.done()
  }

  inboxOf (node: string): string {
    return this.#around.keys.ofNode(node, 'inbox')
  }

  #publish (id: string, question: unknown): void {
    this.#around.publisher.publish(this.#around.keys.shared('nodes-pubsub'), 'q', Buffer.from(JSON.stringify([id, this.#around.node, question]))).catch(() => {})
  }

  #answer (id: string, question: unknown): Promise<string> {
    const known = this.#answered.get(id) ?? this.#make(id, question)
    this.#answered.set(id, known)
    if (this.#answered.size > remembered) this.#answered.delete(this.#answered.keys().next().value as string)
    return known
  }

  async #make (id: string, question: unknown): Promise<string> {
    const answer = JSON.stringify([id, this.#around.node, await this.#receiver.requested(question) ?? null])
    if (answer.length > maxAnswer) throw new TypeError('the answer is too long')
    return answer
  }
}

function isMessage (value: unknown): value is readonly [id: string, node: string, content: unknown] {
  return Array.isArray(value) && value.length === 3 && typeof value[0] === 'string' && typeof value[1] === 'string'
}
