import { ChangeSet, Text } from '@codemirror/state'
import type { ChangesJson } from './changes.ts'

/** The state that a snapshot holds. */
export interface DocumentSnapshot {
  readonly text: string
  readonly seqs: ReadonlyArray<readonly [clientId: string, seq: number, version: number]>
}

/** What the log tells of one edit. */
export interface Edited {
  readonly clientId: string
  readonly seq: number
  readonly changes: ChangesJson
}

/** An edit with its place in the log. */
export interface EditedEntry extends Edited {
  readonly offset: number
  readonly hash: string
}

/**
 * Of how many clients the last edit is remembered: those that edited last. One that comes again after a thousand others
 * have would be taken for new.
 */
const mostClients = 1_000

/** A document at one version, as its log tells it: the server's, and what a client knows of it. */
export class DocumentState {
  #text = Text.empty
  #version = 0
  #hash = ''
  /** The last edit of each client; who edited last comes last. */
  readonly #seqs = new Map<string, { readonly seq: number, readonly version: number }>()

  /** Without a snapshot the log holds nothing yet: the first edit brings one. */
  static from (snapshot?: {
    readonly offset: number
    readonly hash: string
    readonly state: DocumentSnapshot
  }): DocumentState {
    const document = new DocumentState()
    if (!snapshot) return document
    document.#text = Text.of(snapshot.state.text.split('\n'))
    document.#version = snapshot.offset
    document.#hash = snapshot.hash
    for (const [clientId, seq, version] of snapshot.state.seqs) document.#seqs.set(clientId, { seq, version })
    return document
  }

  get text (): Text {
    return this.#text
  }

  get version (): number {
    return this.#version
  }

  get hash (): string {
    return this.#hash
  }

  get snapshot (): DocumentSnapshot {
    return {
      text: this.#text.toString(),
      seqs: [...this.#seqs].map(([clientId, { seq, version }]) => [clientId, seq, version] as const)
    }
  }

  /** Moves on by one entry of the log, and returns what it changes. */
  take ({ offset, hash, clientId, seq, changes }: EditedEntry): ChangeSet {
    const set = ChangeSet.fromJSON(changes)
    this.#text = set.apply(this.#text)
    this.#version = offset
    this.#hash = hash
    this.#remember(clientId, seq)
    return set
  }

  /**
   * The version at which the edit of that number came in; undefined when it is not in yet. Of an older one: that of the
   * client's last.
   */
  versionOf (clientId: string, seq: number): number | undefined {
    const last = this.#seqs.get(clientId)
    return last && last.seq >= seq ? last.version : undefined
  }

  #remember (clientId: string, seq: number): void {
    this.#seqs.delete(clientId)
    this.#seqs.set(clientId, { seq, version: this.#version })
    const [longestAgo] = this.#seqs.keys()
    if (this.#seqs.size > mostClients) this.#seqs.delete(longestAgo as string)
  }
}
