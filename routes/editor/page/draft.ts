import { ChangeSet, type Text } from '@codemirror/state'
import { cross, type ChangesJson } from '../changes.ts'
import { DocumentState, type EditedEntry } from '../document-state.ts'
import { difference } from './difference.ts'
import { portion } from './portion.ts'

/** An edit on its way to the server. */
export interface Departing {
  readonly version: number
  readonly hash: string
  readonly seq: number
  readonly changes: ChangesJson
}

/** What the client is given to begin anew with. */
export interface Anew {
  readonly snapshot?: Parameters<typeof DocumentState.from>[0]
  readonly position: { readonly offset: number }
}

interface Arriving { readonly state: DocumentState, readonly until: number }
interface Inflight { readonly clientId: string, readonly seq: number, readonly changes: ChangeSet }

/** How many of the newest edits are kept, to find the places that others say they are at. */
const recentEdits = 500

/**
 * A document as one client has it: what the server has, and on top of it what is this client's alone.
 *
 *   server's text at a version --inflight--> --buffer--> what is seen
 *
 * One edit is in flight. It is confirmed when it comes back in the log under its number. Edits of others are mapped
 * over what is pending, and what is pending over them, one at a time: that is what the server does too, so both mean
 * the same. Each method that returns changes returns those of what is seen.
 */
export class Draft {
  readonly #me: () => string
  #server = new DocumentState()
  /** What the server has, while it is being told anew. */
  #arriving: Arriving | undefined
  #inflight: Inflight | undefined
  #buffer = ChangeSet.empty(0)
  #seq = 0
  #recent: ChangeSet[] = []

  /** `me`: the id under which the server knows edits of this client now. */
  constructor (me: () => string) {
    this.#me = me
  }

  /** The newest version of the server's that is in what is seen. */
  get version (): number {
    return this.#server.version
  }

  /** Whether everything written here is in the log. */
  get isSaved (): boolean {
    return this.#inflight === undefined && this.#buffer.empty
  }

  /** What is seen. */
  get text (): Text {
    return this.#pending.apply(this.#server.text)
  }

  /** Takes what was written here. */
  write (changes: ChangeSet): void {
    this.#buffer = this.#buffer.compose(changes)
  }

  /**
   * The edit to send now: the same number again until it is confirmed, at the version that we have by then. Undefined
   * when there is none.
   */
  next (): Departing | undefined {
    if (this.#arriving) return undefined
    if (!this.#inflight && !this.#buffer.empty) this.#depart()
    if (!this.#inflight) return undefined
    const { version, hash } = this.#server
    return { version, hash, seq: this.#inflight.seq, changes: this.#inflight.changes.toJSON() as ChangesJson }
  }

  /** Takes the next entry of the log. */
  logged (entry: EditedEntry): ChangeSet {
    if (this.#arriving) return this.#arrive(this.#arriving.state, entry)
    const before = this.#server.text
    const changes = this.#server.take(entry)
    this.#recent = [...this.#recent.slice(1 - recentEdits), changes]
    const { clientId, seq } = this.#inflight ?? {}
    return clientId === entry.clientId && seq === entry.seq ? this.#confirm(changes, before) : this.#takeOver(changes)
  }

  /**
   * The log cannot be followed from where we were: it is told anew, in `logged`, from a snapshot. What is pending here
   * is kept.
   */
  begin ({ snapshot, position }: Anew): ChangeSet {
    const state = DocumentState.from(snapshot)
    this.#arriving = { state, until: position.offset }
    return this.#replaceOnceThere()
  }

  /** The server refuses the edit in flight: it is undone. */
  refused (): ChangeSet {
    const inflight = this.#inflight as Inflight
    this.#inflight = undefined
    return this.#buffered(inflight.changes.invert(this.#server.text))
  }

  /** A place in what is seen, as a place in the server's text. */
  toServer (place: number): number {
    return this.#pending.invertedDesc.mapPos(place)
  }

  /**
   * Places in the server's text at a version, as places in what is seen; undefined when that version is not known here,
   * or not any more.
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

  /** What came back is what we have, unless we had to guess at what we missed: then it is put right. */
  #confirm (changes: ChangeSet, before: Text): ChangeSet {
    const { changes: expected } = this.#inflight as Inflight
    this.#inflight = undefined
    const isAsExpected = JSON.stringify(expected) === JSON.stringify(changes)
    return this.#buffered(isAsExpected ? ChangeSet.empty(changes.newLength) : expected.invert(before).compose(changes))
  }

  /** An edit of somebody else's. */
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
   * The edits between what we had and what there is now are lost to us: they count as one, the difference of the two
   * texts. So what is pending is kept, though a place inside what differs becomes one at its edge. An edit in flight
   * that got there meanwhile is pending no more.
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
