import type { NodeAnswers, NodesPort } from '../../cluster/nodes.ts'
import type { Subscriptions } from '../pubsub/message-kinds.ts'
import type { RedisDeps } from '../redis-deps.ts'
import type { Lease } from './lease.ts'
import { RedisNodeRequests } from './redis-node-requests.ts'
import { RedisRevocations } from './redis-revocations.ts'

/** Node requests and revocations, with the two pub/sub channels that they use. */
export class RedisNodes implements NodesPort {
  readonly #deps: RedisDeps
  readonly #requests: RedisNodeRequests
  readonly #revocations: RedisRevocations

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#requests = new RedisNodeRequests(deps, lease)
    this.#revocations = new RedisRevocations(deps)
    lease.subscribe({ began: () => this.#check(), renewed: () => this.#check() })
  }

  request (request: unknown, deadlineMs: number): Promise<NodeAnswers> {
    return this.#requests.request(request, deadlineMs)
  }

  revoke (key: string, until: number): Promise<void> {
    return this.#revocations.revoke(key, until)
  }

  /** Subscribes to what concerns every node. Rejects when Redis refuses it. */
  async start (subscriptions: Subscriptions): Promise<void> {
    const { keys, nodeId } = this.#deps
    await Promise.all([
      subscriptions.subscribe(keys.shared('nodes-pubsub'), {
        q: (body) => this.#requests.receiveRequest(body),
        r: (body) => this.#revocations.receive(body)
      }),
      subscriptions.subscribe(this.#requests.answersOf(nodeId), { a: (body) => this.#requests.receiveAnswer(body) })
    ])
  }

  /** Exchanges the revocations with Redis, after a first connection or a reconnect. */
  restore (): Promise<void> {
    return this.#revocations.restore()
  }

  #check (): void {
    this.#revocations.check().catch((err) => this.#deps.reportFailure(err, 'revocations that Redis may have lost ' +
      'were not written again: check the error, and Redis'))
  }
}
