import { ChangeSet } from '@codemirror/state'
import type { HistoryContent, HistoryMessage, Position } from 'fastify-channels'
import { faultOf, harmTo } from './changes.ts'
import { DocumentState, type DocumentSnapshot, type Edited } from './document-state.ts'

/** The version that an edit was made at. `hash` tells it from another history's version of the same number. */
export interface Base {
  readonly version: number
  readonly hash?: string | undefined
}

/** An edit as a client sends it. */
export interface Edit extends Edited, Base {}

/** A validated edit, transformed to the version that it names. */
export interface Placed extends Base {
  readonly changes: ChangeSet
}

/**
 * The server cannot transform an edit from that version: it is too old, or of a lost history. The client sends the edit
 * again from its newer version.
 */
export class Stale extends Error {
  readonly oldest: number
  readonly newest: number

  constructor (oldest: number, newest: number) {
    super(`made at a version that is not among ${oldest} to ${newest}`)
    this.oldest = oldest
    this.newest = newest
  }
}

/** An edit that no correct client makes. The message says what is wrong with it. */
export class InvalidEdit extends Error {}

interface Recent { readonly prev: string, readonly changes: ChangeSet }

/** The number of newest versions that an edit may be made at. Clients are behind by the entries on their way. */
const windowSize = 1_000

/** One node's copy of a document, with the edits of its newest versions. */
export class Replica {
  #state = new DocumentState()
  #position: Position = { epoch: '', offset: 0, hash: '' }
  /** The newest edits. The last one made the current version. */
  #recent: Recent[] = []

  /** The position of the last read or append. The next append happens only `after` it. */
  get position (): Position {
    return this.#position
  }

  get state (): DocumentState {
    return this.#state
  }

  /** Takes the entries after the current position or, with a reason, the snapshot and what follows it. */
  take ({ reason, snapshot, position, messages }: HistoryContent): void {
    if (reason) this.#begin(snapshot as Parameters<typeof DocumentState.from>[0])
    for (const message of messages) this.#move(message)
    this.#position = position
  }

  /** Takes the one edit that was just appended at this position. */
  append (edited: Edited, { epoch, offset, hash, id }: Position & { readonly id: string }): void {
    this.take({
      position: { epoch, offset, hash },
      messages: [{ type: 'edited', payload: edited, offset, id, hash, prev: this.#state.hash }]
    })
  }

  /** Whether an edit of that version can be transformed to the current one. */
  knows (base: Base): boolean {
    return this.#missedSince(base) !== undefined
  }

  /** @throws {Stale} @throws {InvalidEdit} when the edit is invalid whatever came since */
  place ({ version, hash, changes }: Edit): Placed {
    const fault = faultOf(changes, this.#lengthAt(this.#after({ version, hash })))
    if (fault !== undefined) throw new InvalidEdit(fault)
    return { version, hash, changes: ChangeSet.fromJSON(changes) }
  }

  /**
   * Transforms an edit to the current version, over one edit at a time. @throws {Stale} @throws {InvalidEdit} when the
   * text would break a limit
   */
  bring (placed: Placed): Placed {
    const missed = this.#after(placed)
    const changes = missed.reduce((changes, entry) => changes.map(entry.changes, true), placed.changes)
    const harm = harmTo(this.#state.text, changes)
    if (harm !== undefined) throw new InvalidEdit(harm)
    return { version: this.#state.version, hash: this.#state.hash, changes }
  }

  /** The state after a transformed edit, for the snapshot that is stored with it. */
  snapshotAfter ({ clientId, seq, changes }: Edited): DocumentSnapshot {
    const next = DocumentState.from({
      offset: this.#state.version, hash: this.#state.hash, state: this.#state.snapshot
    })
    next.take({ clientId, seq, changes, offset: this.#state.version + 1, hash: '' })
    return next.snapshot
  }

  #begin (snapshot: Parameters<typeof DocumentState.from>[0]): void {
    this.#state = DocumentState.from(snapshot)
    this.#recent = []
  }

  #move ({ payload, offset, hash, prev }: HistoryMessage): void {
    this.#recent.push({ prev, changes: this.#state.take({ ...payload as Edited, offset, hash }) })
    if (this.#recent.length > windowSize) this.#recent.shift()
  }

  #after (base: Base): readonly Recent[] {
    const missed = this.#missedSince(base)
    if (!missed) throw new Stale(this.#oldest, this.#state.version)
    return missed
  }

  /** The edits after a version, in order; undefined when that version is not kept. */
  #missedSince ({ version, hash }: Base): readonly Recent[] | undefined {
    if (version < this.#oldest || version > this.#state.version) return undefined
    const missed = this.#recent.slice(version - this.#oldest)
    const actual = missed[0]?.prev ?? this.#state.hash
    return (hash ?? actual) === actual ? missed : undefined
  }

  get #oldest (): number {
    return this.#state.version - this.#recent.length
  }

  #lengthAt (missed: readonly Recent[]): number {
    return missed[0]?.changes.length ?? this.#state.text.length
  }
}
