import { SharedDocument, type DocumentLog } from './shared-document.ts'

interface Open { readonly connections: Set<string>, document?: SharedDocument }

/** The documents that connections on this node have open. Others cost no memory. */
export class Documents {
  readonly #logOf: (id: string) => DocumentLog
  readonly #open = new Map<string, Open>()

  constructor (logOf: (id: string) => DocumentLog) {
    this.#logOf = logOf
  }

  get size (): number {
    return this.#open.size
  }

  open (id: string, connection: string): void {
    const open = this.#open.get(id) ?? { connections: new Set() }
    this.#open.set(id, open)
    open.connections.add(connection)
  }

  close (id: string, connection: string): void {
    const open = this.#open.get(id)
    open?.connections.delete(connection)
    if (open?.connections.size === 0) this.#open.delete(id)
  }

  /** The document of a connection that has it open. It is read on first use. */
  get (id: string): SharedDocument {
    const open = this.#open.get(id) as Open
    open.document ??= new SharedDocument(this.#logOf(id))
    return open.document
  }
}
