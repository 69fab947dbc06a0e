import { ChangeSet } from '@codemirror/state'
import type { LogContent, LoggedMessage } from '../../lib/protocol/errors.ts'
import type { Position } from '../../lib/protocol/log.ts'
import { faultOf, harmTo } from './changes.ts'
import { DocumentState, type DocumentKeyframe, type Edited } from './document-state.ts'

/** An edit as a client sends it: made at a version, of which `link` tells whether it is the one that is meant. */
export interface Edit extends Edited {
  readonly version: number
  readonly link?: string | undefined
}

/** An edit that was checked, made into what it means at the version it says. */
export interface Placed {
  readonly version: number
  readonly link?: string | undefined
  readonly changes: ChangeSet
}

/** An edit was made at a version that the server cannot bring forward: too old, or of a log that is lost. Its client sends it anew, from where it is by then. */
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
  #position: Position = { epoch: '', offset: 0, link: '' }
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
  take ({ reason, keyframe, position, messages }: LogContent): void {
    if (reason) this.#begin(keyframe as Parameters<typeof DocumentState.from>[0])
    for (const message of messages) this.#move(message)
    this.#position = position
  }

  /** The same for the one edit that was just appended at this position. */
  append (edited: Edited, { epoch, offset, link, id }: Position & { readonly id: string }): void {
    this.take({ position: { epoch, offset, link }, messages: [{ type: 'edited', payload: edited, offset, id, link, prev: this.#state.link }] })
  }

  /** @throws {Stale} @throws {InvalidEdit} by itself, whatever has come since */
  place ({ version, link, changes }: Edit): Placed {
    const fault = faultOf(changes, this.#lengthAt(this.#after({ version, link })))
    if (fault !== undefined) throw new InvalidEdit(fault)
    return { version, link, changes: ChangeSet.fromJSON(changes) }
  }

  /** Brings an edit forward to this version, over one edit at a time. @throws {Stale} @throws {InvalidEdit} for what it would do to the text */
  bring (placed: Placed): Placed {
    const missed = this.#after(placed)
    const changes = missed.reduce((changes, entry) => changes.map(entry.changes, true), placed.changes)
    const harm = harmTo(this.#state.text, changes)
    if (harm !== undefined) throw new InvalidEdit(harm)
    return { version: this.#state.version, link: this.#state.link, changes }
  }

  /** What the text is after an edit that was brought to this version, for the keyframe that goes with it. */
  keyframeAfter ({ clientId, seq, changes }: Edited): DocumentKeyframe {
    const next = DocumentState.from({ offset: this.#state.version, link: this.#state.link, state: this.#state.keyframe })
    next.take({ clientId, seq, changes, offset: this.#state.version + 1, link: '' })
    return next.keyframe
  }

  #begin (keyframe: Parameters<typeof DocumentState.from>[0]): void {
    this.#state = DocumentState.from(keyframe)
    this.#recent = []
  }

  #move ({ payload, offset, link, prev }: LoggedMessage): void {
    this.#recent.push({ prev, changes: this.#state.take({ ...payload as Edited, offset, link }) })
    if (this.#recent.length > windowSize) this.#recent.shift()
  }

  /** The edits after a version, in order. */
  #after ({ version, link }: Pick<Edit, 'version' | 'link'>): readonly Recent[] {
    const newest = this.#state.version
    const oldest = newest - this.#recent.length
    const missed = this.#recent.slice(Math.max(0, version - oldest))
    const actual = missed[0]?.prev ?? this.#state.link
    if (version < oldest || version > newest || (link ?? actual) !== actual) throw new Stale(oldest, newest)
    return missed
  }

  #lengthAt (missed: readonly Recent[]): number {
    return missed[0]?.changes.length ?? this.#state.text.length
  }
}
