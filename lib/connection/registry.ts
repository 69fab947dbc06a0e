import { MultiMap } from '../multi-map.ts'
import type { Connection } from './connection.ts'
import type { Credentials } from './identity.ts'
import type { Revoked } from './revocations.ts'

/** One connection, or all of one user. */
export type Target = { readonly connectionId: string } | { readonly userId: string }

/** The live connections of this node, by id, by user and by token, so that none has to be searched for. */
export class Registry {
  readonly #connections = new Map<string, Connection>()
  readonly #users = new MultiMap<string, Connection>()
  readonly #tokens = new MultiMap<string, Connection>()
  readonly #contracts = new Map<string, number>()

  get size (): number {
    return this.#connections.size
  }

  /** The number of connections by the contract of their client. */
  get contracts (): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#contracts)
  }

  add (connection: Connection): void {
    this.#countContract(connection, 1)
    this.#connections.set(connection.id, connection)
    addTo(this.#users, connection.userId, connection)
    addTo(this.#tokens, connection.jti, connection)
  }

  delete (connection: Connection): void {
    if (this.#connections.delete(connection.id)) this.#countContract(connection, -1)
    deleteFrom(this.#users, connection.userId, connection)
    deleteFrom(this.#tokens, connection.jti, connection)
  }

  /** Replaces the credentials of a connection by those of the same user's newer token. */
  renew (connection: Connection, credentials: Credentials): void {
    deleteFrom(this.#tokens, connection.jti, connection)
    connection.renew(credentials)
    if (this.#connections.has(connection.id)) addTo(this.#tokens, connection.jti, connection)
  }

  get (id: string): Connection | undefined {
    return this.#connections.get(id)
  }

  all (): Connection[] {
    return [...this.#connections.values()]
  }

  find (target: Target): Connection[] {
    if ('userId' in target) return this.#users.get(target.userId)
    const connection = this.#connections.get(target.connectionId)
    return connection ? [connection] : []
  }

  #countContract ({ contract }: Connection, change: 1 | -1): void {
    const count = (this.#contracts.get(contract) ?? 0) + change
    if (count > 0) this.#contracts.set(contract, count)
    else this.#contracts.delete(contract)
  }

  /** The connections of a user, or those with a token. */
  findRevoked (revoked: Revoked): Connection[] {
    return 'userId' in revoked ? this.find(revoked) : this.#tokens.get(revoked.jti)
  }
}

type Index = MultiMap<string, Connection>

function addTo (index: Index, key: string | undefined, connection: Connection): void {
  if (key !== undefined) index.add(key, connection)
}

function deleteFrom (index: Index, key: string | undefined, connection: Connection): void {
  if (key !== undefined) index.delete(key, connection)
}
