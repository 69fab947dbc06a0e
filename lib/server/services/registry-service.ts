import type { ConnectionInfo } from '../../connection/connection.ts'
import type { Registry, Target } from '../../connection/registry.ts'
import { revocationKey, type Revoked } from '../../connection/revocations.ts'
import type { ConnectionContract, Messages } from '../../contract/define-channel.ts'
import type { PayloadArgument, ServerPayloadOf } from '../../contract/message-types.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import { encode } from '../encode.ts'
import type { Node } from '../node.ts'
import { requestAllNodes, type NodeResults, type NodeInfo } from './node-requests.ts'
import type { Swept } from '../sweeper.ts'

/** `fastify.registry`: who is connected, and how to reach them. */
export interface RegistryService {
  /** Live connections of this node. */
  readonly size: number
  get (connectionId: string): ConnectionInfo | undefined
  ofUser (userId: string): ConnectionInfo[]
  all (): ConnectionInfo[]
  /**
   * Sends a message of the connection itself to every connection of a user, on whichever node, whose route declares it.
   * Resolves to how many that were, as far as nodes answered. Rejects with `FST_CHANNELS_OUTGOING` when the payload breaks its schema.
   */
  send<D extends Messages, T extends keyof D['fromServer'] & string> (
    userId: string, contract: ConnectionContract<D>, type: T, ...payload: PayloadArgument<ServerPayloadOf<ConnectionContract<D>['definition'], T>>
  ): Promise<number>
  /**
   * Closes every connection of a user, or of one token by its `jti`, and refuses new ones with 401 until then, in
   * milliseconds since 1970. Resolves to how many connections of this node were closed; other nodes follow within a second, those that cannot be reached
   * now as soon as they can. Rejects when there is no id, or no time.
   */
  revoke (revoked: Revoked, until: number): Promise<number>
  /** Stale entries that the sweep, every 60 s, had to remove since the start. */
  readonly swept: Swept
  /** What each node says of itself, this one included; `missing`: the ids of those that did not answer within a second. */
  nodes (): Promise<NodeResults<NodeInfo>>
  /** Closes connections, on whichever node, by default with 3003 so that they do not come back. Resolves to how many that were, as far as nodes answered. */
  disconnect (target: Target, event?: CloseEvent): Promise<number>
}

export class ContractRegistry implements RegistryService {
  readonly #node: Node
  readonly #registry: Registry

  constructor (node: Node) {
    this.#node = node
    this.#registry = node.registry
  }

  get size (): number {
    return this.#registry.size
  }

  get swept (): Swept {
    return this.#node.swept
  }

  get (connectionId: string): ConnectionInfo | undefined {
    return this.#registry.get(connectionId)
  }

  ofUser (userId: string): ConnectionInfo[] {
    return this.#registry.find({ userId })
  }

  all (): ConnectionInfo[] {
    return this.#registry.all()
  }

  async send<D extends Messages> (userId: string, contract: ConnectionContract<D>, type: string, payload?: unknown): Promise<number> {
    const { frame, whenSlow } = encode(this.#node.contracts.of(contract), undefined, type, payload)
    return sum(await requestAllNodes(this.#node, 'send', { userId, type, text: frame.toString(), ...(whenSlow && { whenSlow }) }))
  }

  async revoke (revoked: Revoked, until: number): Promise<number> {
    const key = revocationKey(revoked)
    if (!Number.isFinite(until)) throw new TypeError('a revocation needs the time when it is over, in milliseconds since 1970')
    const closed = this.#node.revoke(key, until)
    // What cannot be told now the adapter tells later.
    await this.#node.adapter.nodes.revoke(key, until).catch(() => {})
    return closed
  }

  nodes (): Promise<NodeResults<NodeInfo>> {
    return requestAllNodes(this.#node, 'info')
  }

  async disconnect (target: Target, event: CloseEvent = closeEvents.disconnected): Promise<number> {
    return sum(await requestAllNodes(this.#node, 'disconnect', { target, event }))
  }
}

function sum ({ results }: NodeResults<number>): number {
  return results.reduce((total, each) => total + each, 0)
}
