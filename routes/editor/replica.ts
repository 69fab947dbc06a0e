import { ChangeSet } from '@codemirror/state'
import type { HistoryContent, HistoryMessage, Position } from 'fastify-channels'
import { faultOf, harmTo } from './changes.ts'
import { DocumentState, type DocumentSnapshot, type Edited } from './document-state.ts'

/** The version that an edit was made at; `link` tells whether it is the one that is meant. */
export interface Base {
  readonly version: number
  readonly hash?: string | undefined
}

/** An edit as a client sends it. */
export interface Edit extends Edited, Base {}

/** An edit that was checked, made into what it means at the version it says. */
export interface Placed extends Base {
  readonly changes: ChangeSet
}

/**
 * An edit was made at a version that the server cannot bring forward: too old, or of a log that is lost. Its client
 * sends it anew, from where it is by then.
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

/** An edit that no sound client makes. The message says what is wrong with it. */
export class InvalidEdit extends Error {}

interface Recent { readonly prev: string, readonly changes: ChangeSet }

/** For how many of the newest versions an edit may be made: clients are behind by what is on its way to them. */
const windowSize = 1_000

/** One node's copy of a document, with the edits that made its newest versions. */
export class Replica {
  #state = new DocumentState()
  #position: Position = { epoch: '', offset: 0, hash: '' }
  /** The newest edits, the last of which made this version. */
  #recent: Recent[] = []

  /** Where its log stood when it was last asked; what an append expects. */
  get position (): Position {
    return this.#position
  }

  get state (): DocumentState {
    return this.#state
  }

  /** Takes what the log holds after this position or, where it gives a reason, all that there is. */
  take ({ reason, snapshot, position, messages }: HistoryContent): void {
    if (reason) this.#begin(snapshot as Parameters<typeof DocumentState.from>[0])
    for (const message of messages) this.#move(message)
    this.#position = position
  }

  /** The same for the one edit that was just appended at this position. */
  append (edited: Edited, { epoch, offset, hash, id }: Position & { readonly id: string }): void {
    this.take({
      position: { epoch, offset, hash },
      messages: [{ type: 'edited', payload: edited, offset, id, hash, prev: this.#state.hash }]
    })
  }

  /** Whether an edit made at that version can be brought forward. */
  knows (base: Base): boolean {
    return this.#missedSince(base) !== undefined
  }

  /** @throws {Stale} @throws {InvalidEdit} by itself, whatever has come since */
  place ({ version, hash, changes }: Edit): Placed {
    const fault = faultOf(changes, this.#lengthAt(this.#after({ version, hash })))
    if (fault !== undefined) throw new InvalidEdit(fault)
    return { version, hash, changes: ChangeSet.fromJSON(changes) }
  }

  /**
   * Brings an edit forward to this version, over one edit at a time. @throws {Stale} @throws {InvalidEdit} for what it
   * would do to the text
   */
  bring (placed: Placed): Placed {
    const missed = this.#after(placed)
    const changes = missed.reduce((changes, entry) => changes.map(entry.changes, true), placed.changes)
    const harm = harmTo(this.#state.text, changes)
    if (harm !== undefined) throw new InvalidEdit(harm)
    return { version: this.#state.version, hash: this.#state.hash, changes }
  }

  /** What the text is after an edit that was brought to this version, for the snapshot that goes with it. */
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

  /** The edits after a version, in order; undefined when it is not among those that we know. */
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
