import type { ConnectionInfo } from '../connection/connection.ts'
import type { Registry, Target } from '../connection/registry.ts'
import type { ConnectionContract, Messages } from '../contract/definition.ts'
import type { PayloadArgument, SentPayloadOf } from '../contract/payloads.ts'
import { closeEvents, type CloseEvent } from '../protocol/close-events.ts'
import type { Contracts } from './contracts.ts'
import { encode } from './context.ts'
import type { Session } from './session.ts'

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
  /** Closes connections, by default with 3003 so that they do not come back. Resolves to how many that were. */
  disconnect (target: Target, event?: CloseEvent): Promise<number>
}

export class RegistryOfContracts implements RegistryService {
  readonly #registry: Registry
  readonly #contracts: Contracts
  readonly #sessions: ReadonlyMap<string, Session>

  constructor (registry: Registry, contracts: Contracts, sessions: ReadonlyMap<string, Session>) {
    this.#registry = registry
    this.#contracts = contracts
    this.#sessions = sessions
  }

  get size (): number {
    return this.#registry.size
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
    const frame = encode(this.#contracts.of(contract), undefined, type, payload)
    const reached = this.#registry.find({ userId }).filter(({ id }) => this.#sessions.get(id)?.serves(contract))
    for (const connection of reached) connection.send(frame)
    return reached.length
  }

  async disconnect (target: Target, event: CloseEvent = closeEvents.disconnected): Promise<number> {
    const targeted = this.#registry.find(target)
    for (const connection of targeted) connection.close(event)
    return targeted.length
  }
}
