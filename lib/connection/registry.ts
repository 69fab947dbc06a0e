import type { Connection } from './connection.ts'

/** One connection, or all of one user. */
export type Target = { readonly connectionId: string } | { readonly userId: string }

/** The live connections of this node, by id and by user. */
export class Registry {
  readonly #connections = new Map<string, Connection>()
  readonly #users = new Map<string, Set<Connection>>()

  get size (): number {
    return this.#connections.size
  }

  add (connection: Connection): void {
    const { id, userId } = connection
    this.#connections.set(id, connection)
    if (userId === undefined) return
    this.#users.set(userId, (this.#users.get(userId) ?? new Set()).add(connection))
  }

  delete (connection: Connection): void {
    const { id, userId } = connection
    this.#connections.delete(id)
    if (userId === undefined) return
    const own = this.#users.get(userId)
    own?.delete(connection)
    if (own?.size === 0) this.#users.delete(userId)
  }

  get (id: string): Connection | undefined {
    return this.#connections.get(id)
  }

  all (): Connection[] {
    return [...this.#connections.values()]
  }

  find (target: Target): Connection[] {
    if ('userId' in target) return [...this.#users.get(target.userId) ?? []]
    const connection = this.#connections.get(target.connectionId)
    return connection ? [connection] : []
  }
}
