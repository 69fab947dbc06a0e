import { ChangeSet, type Text } from '@codemirror/state'
import { cross, type ChangesJson } from '../changes.ts'
import { DocumentState, type EditedEntry } from '../document-state.ts'
import { difference } from './difference.ts'
import { portion } from './portion.ts'

/** An edit to send to the server. */
export interface Departing {
  readonly version: number
  readonly hash: string
  readonly seq: number
  readonly changes: ChangesJson
}

/** What a resync brings. */
export interface DocumentResync {
  readonly snapshot?: Parameters<typeof DocumentState.from>[0]
  readonly position: { readonly offset: number }
}

interface Arriving { readonly state: DocumentState, readonly until: number }
interface Inflight { readonly clientId: string, readonly seq: number, readonly changes: ChangeSet }

/** The number of newest edits that are kept to map other users' cursors. */
const recentEdits = 500

/**
 * A document as one client has it: the server's text and, on top of it, the client's own edits.
 *
 *   server's text at a version --inflight--> --buffer--> visible text
 *
 * One edit is in flight. It is confirmed when it arrives through the history under its number. Edits of other clients
 * and pending edits are transformed over each other one at a time, as on the server, so both sides get the same text.
 * Each method that returns changes returns changes of the visible text.
 */
export class Draft {
  readonly #me: () => string
  #server = new DocumentState()
  /** The server's text while a resync is arriving. */
  #arriving: Arriving | undefined
  #inflight: Inflight | undefined
  #buffer = ChangeSet.empty(0)
  #seq = 0
  #recent: ChangeSet[] = []

  /** `me`: the id under which the server now knows this client's edits. */
  constructor (me: () => string) {
    this.#me = me
  }

  /** The newest server version that is in the visible text. */
  get version (): number {
    return this.#server.version
  }

  /** Whether every local edit is in the history. */
  get isSaved (): boolean {
    return this.#inflight === undefined && this.#buffer.empty
  }

  /** The visible text. */
  get text (): Text {
    return this.#pending.apply(this.#server.text)
  }

  /** Takes a local edit. */
  write (changes: ChangeSet): void {
    this.#buffer = this.#buffer.compose(changes)
  }

  /**
   * The edit to send now, at the current version; undefined when there is none. It keeps its number until it is
   * confirmed.
   */
  next (): Departing | undefined {
    if (this.#arriving) return undefined
    if (!this.#inflight && !this.#buffer.empty) this.#depart()
    if (!this.#inflight) return undefined
    const { version, hash } = this.#server
    return { version, hash, seq: this.#inflight.seq, changes: this.#inflight.changes.toJSON() as ChangesJson }
  }

  /** Takes the next entry of the history. */
  logged (entry: EditedEntry): ChangeSet {
    if (this.#arriving) return this.#arrive(this.#arriving.state, entry)
    const before = this.#server.text
    const changes = this.#server.take(entry)
    this.#recent = [...this.#recent.slice(1 - recentEdits), changes]
    const { clientId, seq } = this.#inflight ?? {}
    return clientId === entry.clientId && seq === entry.seq ? this.#confirm(changes, before) : this.#takeOver(changes)
  }

  /**
   * Starts again from a snapshot when the history cannot be followed; `logged` brings the entries after it. Pending
   * edits stay.
   */
  begin ({ snapshot, position }: DocumentResync): ChangeSet {
    const state = DocumentState.from(snapshot)
    this.#arriving = { state, until: position.offset }
    return this.#replaceOnceThere()
  }

  /** Undoes the edit in flight, because the server refused it. */
  refused (): ChangeSet {
    const inflight = this.#inflight as Inflight
    this.#inflight = undefined
    return this.#buffered(inflight.changes.invert(this.#server.text))
  }

  /** Maps a position in the visible text to the server's text. */
  toServer (place: number): number {
    return this.#pending.invertedDesc.mapPos(place)
  }

  /**
   * Maps positions in the server's text at a version to the visible text; undefined when that version is not kept here.
   */
  fromServer (version: number, places: readonly number[]): number[] | undefined {
    const behind = this.version - version
    if (behind < 0 || behind > this.#recent.length) return undefined
    const since = [...this.#recent.slice(this.#recent.length - behind), this.#pending]
    return places.map((place) => since.reduce((at, changes) => changes.mapPos(Math.min(at, changes.length), 1), place))
  }

  get #pending (): ChangeSet {
    return this.#inflight ? this.#inflight.changes.compose(this.#buffer) : this.#buffer
  }

  #depart (): void {
    const { first, rest } = portion(this.#buffer)
    this.#inflight = { clientId: this.#me(), seq: ++this.#seq, changes: first }
    this.#buffer = rest
  }

  /** A confirmed edit equals ours unless a resync had to guess the missed edits; then the text is corrected. */
  #confirm (changes: ChangeSet, before: Text): ChangeSet {
    const { changes: expected } = this.#inflight as Inflight
    this.#inflight = undefined
    const isAsExpected = JSON.stringify(expected) === JSON.stringify(changes)
    return this.#buffered(isAsExpected ? ChangeSet.empty(changes.newLength) : expected.invert(before).compose(changes))
  }

  /** An edit of another client. */
  #takeOver (changes: ChangeSet): ChangeSet {
    if (!this.#inflight) return this.#buffered(changes)
    const { earlier, later } = cross(changes, this.#inflight.changes)
    this.#inflight = { ...this.#inflight, changes: later }
    return this.#buffered(earlier)
  }

  #buffered (changes: ChangeSet): ChangeSet {
    const { earlier, later } = cross(changes, this.#buffer)
    this.#buffer = later
    return earlier
  }

  #arrive (state: DocumentState, entry: EditedEntry): ChangeSet {
    state.take(entry)
    return this.#replaceOnceThere()
  }

  #replaceOnceThere (): ChangeSet {
    const { state, until } = this.#arriving as Arriving
    if (state.version < until) return ChangeSet.empty(this.text.length)
    this.#arriving = undefined
    return this.#replace(state)
  }

  /**
   * The edits between the old and the new server text are unknown, so the difference of the two texts counts as one
   * edit. Pending edits stay, but a position inside the difference moves to its edge. An edit in flight that the new
   * text already holds is not pending any more.
   */
  #replace (state: DocumentState): ChangeSet {
    let known = this.#server.text
    if (this.#inflight && state.versionOf(this.#inflight.clientId, this.#inflight.seq) !== undefined) {
      known = this.#inflight.changes.apply(known)
      this.#inflight = undefined
    }
    this.#server = state
    this.#recent = []
    return this.#takeOver(difference(known, state.text))
  }
}
