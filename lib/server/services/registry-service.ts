import type { Clock } from '../../clock.ts'
import type { NodesPort } from '../../cluster/nodes.ts'
import type { ConnectionInfo } from '../../connection/connection-info.ts'
import type { Registry } from '../../connection/registry.ts'
import { revocationKey, type Revoked } from '../../connection/revocations.ts'
import type { ConnectionContract, Messages } from '../../contract/define-channel.ts'
import type { PayloadArgument, ServerPayloadOf } from '../../contract/message-types.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { encodeServerMessage } from '../messages/channel-publisher.ts'
import type { Contracts } from '../contracts.ts'
import type { Swept } from '../connections/sweeper.ts'
import { InvalidArgument } from '../invalid-argument.ts'
import { checkFilter, closeEventOf, requireUserId, targetOf, type GivenTarget } from './check-arguments.ts'
import type { ConnectionFilter, ListedConnection, NodeInfo } from './local-node-requests.ts'
import type { NodeRequests, NodeResults, Page, Reached } from './node-requests.ts'
import { pageOf, pageRequest, type PageOptions } from './pages.ts'

/**
 * `fastify.registry` and `fastify.channels.registry`: the connections, and how to reach their users. `size`, `get`,
 * `ofUser`, `all` and `swept` cover this node only. `list`, `send`, `revoke`, `nodes` and `disconnect` are
 * cluster-wide.
 */
export interface RegistryService {
  /** The number of live connections of this node only. */
  readonly size: number
  /** A connection of this node only; undefined for a connection of another node. */
  get (connectionId: string): ConnectionInfo | undefined
  /** The connections of a user on this node only. @throws {UsageError} `FST_CHANNELS_USAGE` unless the id is a text */
  ofUser (userId: string): ConnectionInfo[]
  /** All connections of this node only. */
  all (): ConnectionInfo[]
  /**
   * Cluster-wide, or with `node` of that node only. The connections that match every given member of the filter, in the
   * order of their ids, up to `limit`. Rejects with `FST_CHANNELS_USAGE` for a filter with another member.
   */
  list (filter?: ConnectionFilter, options?: PageOptions): Promise<Page<ListedConnection>>
  /**
   * Cluster-wide. Sends a message of a connection's own contract to every connection of a user whose route declares it.
   * Resolves to their number, and the nodes that did not answer. Rejects with `FST_CHANNELS_OUTGOING` for a payload
   * that breaks its schema.
   */
  send<D extends Messages, T extends keyof D['fromServer'] & string> (
    userId: string, contract: ConnectionContract<D>, type: T,
    ...payload: PayloadArgument<ServerPayloadOf<ConnectionContract<D>['definition'], T>>
  ): Promise<Reached>
  /**
   * Cluster-wide. Closes every connection of a user, or of one token by its `jti`, and refuses new ones with 401 until
   * `until`, in milliseconds since 1970. Resolves to the number of connections closed, and the nodes that did not
   * answer: these follow as soon as they can be reached. Rejects when the id or the time is missing, or the time is
   * in seconds.
   */
  revoke (revoked: Revoked, until: number): Promise<Reached>
  /** The stale entries of this node only that the sweep, every 60 s, had to remove since the start. */
  readonly swept: Swept
  /**
   * Cluster-wide. What each node reports about itself. `missing`: the ids of the nodes that did not answer within a
   * second.
   */
  nodes (): Promise<NodeResults<NodeInfo>>
  /**
   * Cluster-wide. Closes connections. Resolves to their number, and the nodes that did not answer. Rejects with
   * `FST_CHANNELS_USAGE`, and closes none, for a code or a reason that no close frame can hold.
   *
   * @param event default 3003, after which a client does not reconnect
   */
  disconnect (target: GivenTarget, event?: CloseEvent): Promise<Reached>
}

export interface RegistryServiceDeps {
  readonly contracts: Contracts
  readonly registry: Registry
  readonly rooms: Pick<Rooms, 'messageIds'>
  readonly requests: NodeRequests
  readonly adapter: { readonly nodes: NodesPort }
  readonly swept: Swept
  readonly clock: Clock
}

export class ContractRegistry implements RegistryService {
  readonly #deps: RegistryServiceDeps

  constructor (deps: RegistryServiceDeps) {
    this.#deps = deps
  }

  get size (): number {
    return this.#deps.registry.size
  }

  get swept (): Swept {
    return this.#deps.swept
  }

  get (connectionId: string): ConnectionInfo | undefined {
    return this.#deps.registry.get(connectionId)
  }

  ofUser (userId: string): ConnectionInfo[] {
    requireUserId(userId)
    return this.#deps.registry.find({ userId })
  }

  all (): ConnectionInfo[] {
    return this.#deps.registry.all()
  }

  async list (filter: ConnectionFilter = {}, options?: PageOptions): Promise<Page<ListedConnection>> {
    checkFilter(filter)
    const request = { ...pageRequest(options), filter }
    const { results, missing } = await this.#deps.requests.requestAll('connections', request)
    return { ...pageOf(results.flat(), ({ connectionId }) => connectionId, request.limit), missing }
  }

  async send<D extends Messages> (
    userId: string, contract: ConnectionContract<D>, type: string, payload?: unknown
  ): Promise<Reached> {
    requireUserId(userId)
    const { contracts, rooms } = this.#deps
    const compiled = contracts.of(contract, 'defineConnection')
    const { encoded, whenSlow } = encodeServerMessage(compiled, undefined, type, payload, rooms.messageIds.next())
    const text = encoded.toString()
    return this.#deps.requests.requestSum('send', { userId, type, text, ...(whenSlow && { whenSlow }) })
  }

  async revoke (revoked: Revoked, until: number): Promise<Reached> {
    const key = revocationKey(revoked)
    if (!Number.isFinite(until)) {
      throw new InvalidArgument('a revocation needs the time when it is over, in milliseconds since 1970')
    }
    const { requests, adapter, clock } = this.#deps
    // Seconds are a thousandth of it. An end that has just passed is a race, and harmless.
    if (until < clock.now() / 100) {
      throw new InvalidArgument('the time when a revocation is over lies around 1970: pass milliseconds, ' +
        "where the claim 'exp' of a token counts seconds")
    }
    // The request comes first, because connections that the announcement closes would not be counted.
    const reached = requests.requestSum('revoke', { key, forMs: until - clock.now() })
    // The adapter repeats the announcement to nodes that cannot be reached now.
    await adapter.nodes.revoke(key, until).catch(() => {})
    return reached
  }

  nodes (): Promise<NodeResults<NodeInfo>> {
    return this.#deps.requests.requestAll('info')
  }

  async disconnect (target: GivenTarget, event?: CloseEvent): Promise<Reached> {
    const whole = { ...closeEvents.disconnected, ...closeEventOf(event ?? {}) }
    return this.#deps.requests.requestSum('disconnect', { target: targetOf(target), event: whole })
  }
}
