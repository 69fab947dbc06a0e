import type { ConnectionInfo } from '../connection/connection.ts'
import type { Registry, Target } from '../connection/registry.ts'
import type { Revoked } from '../connection/revocations.ts'
import type { ConnectionContract, Messages } from '../contract/definition.ts'
import type { PayloadArgument, SentPayloadOf } from '../contract/payloads.ts'
import { closeEvents, type CloseEvent } from '../protocol/close-events.ts'
import { encode } from './context.ts'
import type { Node } from './node.ts'
import type { Swept } from './sweeper.ts'

/** `fastify.registry`: who is connected, and how to reach them. */
export interface RegistryService {
  /** Live connections of this node. */
  readonly size: number
  get (connectionId: string): ConnectionInfo | undefined
  ofUser (userId: string): ConnectionInfo[]
  all (): ConnectionInfo[]
  /**
   * Sends a message of the connection itself to every connection of a user whose route declares it.
   * Resolves to how many that were. Rejects with `outgoing_invalid` when the payload breaks its schema.
   */
  send<D extends Messages, T extends keyof D['fromServer'] & string> (
    userId: string, contract: ConnectionContract<D>, type: T, ...payload: PayloadArgument<SentPayloadOf<ConnectionContract<D>['definition'], T>>
  ): Promise<number>
  /**
   * Closes every connection of a user, or of one token by its `jti`, and refuses new ones with 401 until then, in
   * milliseconds since 1970. Resolves to how many connections were closed;
   * rejects when there is no id.
   */
  revoke (revoked: Revoked, until: number): Promise<number>
  /** Stale entries that the sweep, every 60 s, had to remove since the start. */
  readonly swept: Swept
  /** Closes connections, by default with 3003 so that they do not come back. Resolves to how many that were. */
  disconnect (target: Target, event?: CloseEvent): Promise<number>
}

export class RegistryOfContracts implements RegistryService {
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
    const reached = this.#registry.find({ userId }).filter(({ id }) => this.#node.sessions.get(id)?.serves(contract))
    for (const connection of reached) connection.send(frame, whenSlow)
    return reached.length
  }

  async revoke (revoked: Revoked, until: number): Promise<number> {
    this.#node.revocations.add(revoked, until)
    const live = this.#registry.all().filter((connection) => connection.isOpen && this.#node.revocations.has(connection))
    for (const connection of live) connection.close(closeEvents.revoked)
    return live.length
  }

  async disconnect (target: Target, event: CloseEvent = closeEvents.disconnected): Promise<number> {
    const targeted = this.#registry.find(target)
    for (const connection of targeted) connection.close(event)
    return targeted.length
  }
}
