import type { Clock } from '../../clock.ts'
import { unknownNodes, type NodeAnswers, type NodesPort } from '../../cluster/nodes.ts'
import type { HubAccess } from '../hub-access.ts'
import type { Restoring } from '../hub-ports.ts'

export interface LocalNodesDeps {
  readonly access: HubAccess
  /** The clock of the application, by which revocations end. It may jump. */
  readonly clock: Clock
  readonly steadyClock: Clock
  /** Another node revoked a user or token. */
  readonly revoked: (key: string, until: number) => void
}

/** Node requests and revocations over the hub. Each node keeps all revocations, for the next hub. */
export class LocalNodes implements NodesPort {
  readonly #deps: LocalNodesDeps
  /** The ends by the steady clock. */
  readonly #revoked = new Map<string, number>()

  constructor (deps: LocalNodesDeps) {
    this.#deps = deps
  }

  /** Not repeated with another hub, because a node may have carried it out. */
  async request (request: unknown, deadlineMs: number): Promise<NodeAnswers> {
    try {
      return await this.#deps.access.askOnce(({ nodes }) => nodes.request(request, deadlineMs))
    } catch {
      return { results: [], missing: [unknownNodes] }
    }
  }

  async revoke (key: string, until: number): Promise<void> {
    const { access, clock, steadyClock } = this.#deps
    const end = steadyClock.now() + until - clock.now()
    this.#add(key, end)
    await access.tell(({ nodes }) => nodes.revoke(key, end))
  }

  /** The hub reports a revocation. `end` is by the steady clock. */
  receive (key: string, end: number): void {
    const { clock, steadyClock, revoked } = this.#deps
    this.#add(key, end)
    revoked(key, clock.now() + end - steadyClock.now())
  }

  * restore (): Iterable<Restoring> {
    for (const [key, end] of this.#revoked) yield ({ nodes }) => nodes.revoke(key, end)
  }

  #add (key: string, end: number): void {
    this.#revoked.set(key, Math.max(end, this.#revoked.get(key) ?? 0))
    for (const [other, end] of this.#revoked) if (end <= this.#deps.steadyClock.now()) this.#revoked.delete(other)
  }
}
