import { Behind, type HistoryContent, type Position } from 'fastify-channels'
import type { DocumentSnapshot, Edited } from './document-state.ts'
import { Replica, type Edit, type Placed } from './replica.ts'

/** The history of one document, as `rooms.of(editor, { id })` gives it. */
export interface DocumentLog {
  read (since?: Position): Promise<HistoryContent>
}

/** Appends an edit to the history. Rejects with `Behind` when the newest position is not `after`. */
export interface Append {
  (edited: Edited, options: {
    after: Position
    snapshot?: DocumentSnapshot
  }): Promise<Position & { readonly id: string }>
}

/**
 * A document that a connection on this node has open. The order of its history is the order of the edits. An edit is
 * transformed to the version that this node knows and appended if that is still the newest one; otherwise it is
 * transformed over the missed edits and appended again.
 */
export class SharedDocument {
  readonly #replica = new Replica()
  readonly #log: DocumentLog
  readonly #snapshotEvery: number
  #isLoaded = false
  /**
   * Settles when the previous push is done. Pushes run one at a time, because concurrent ones would make each other
   * fail.
   */
  #previous: Promise<unknown> = Promise.resolve()

  constructor (log: DocumentLog, snapshotEvery = 500) {
    this.#log = log
    this.#snapshotEvery = snapshotEvery
  }

  get text (): string {
    return this.#replica.state.text.toString()
  }

  /**
   * Brings an edit into the history once, however often it is sent. Resolves to the version that it made.
   * @throws {Stale} @throws {InvalidEdit} and with what `append` and `read` reject with
   */
  push (edit: Edit, append: Append): Promise<number> {
    const pushed = this.#previous.then(() => this.#push(edit, append))
    this.#previous = pushed.catch(() => {})
    return pushed
  }

  async #push (edit: Edit, append: Append): Promise<number> {
    await this.#reach(edit)
    const known = this.#replica.state.versionOf(edit.clientId, edit.seq)
    return known ?? await this.#settle(edit, this.#replica.place(edit), append)
  }

  async #settle ({ clientId, seq }: Edit, placed: Placed, append: Append): Promise<number> {
    for (;;) {
      placed = this.#replica.bring(placed)
      if (await this.#tryAppend(
        { clientId, seq, changes: placed.changes.toJSON() as Edited['changes'] }, append
      )) return this.#replica.state.version
      // The edit may be among the missed ones: the client sent it before over another node.
      const known = this.#replica.state.versionOf(clientId, seq)
      if (known !== undefined) return known
    }
  }

  async #tryAppend (edited: Edited, append: Append): Promise<boolean> {
    const { position: after, state } = this.#replica
    // The first version has a snapshot, so a trimmed history has one too.
    const snapshot = state.version % this.#snapshotEvery === 0 ? { snapshot: this.#replica.snapshotAfter(edited) } : {}
    try {
      this.#replica.append(edited, await append(edited, { after, ...snapshot }))
      return true
    } catch (error) {
      if (!(error instanceof Behind)) throw error
      this.#replica.take(error)
      return false
    }
  }

  /** Another node may have taken the client to a newer version, or to another history. */
  async #reach (edit: Edit): Promise<void> {
    if (this.#isLoaded && this.#replica.knows(edit)) return
    this.#replica.take(await this.#log.read(this.#isLoaded ? this.#replica.position : undefined))
    this.#isLoaded = true
  }
}
