import { ChangeSet, Text } from '@codemirror/state'
import type { ChangesJson } from './changes.ts'

/** The state that a snapshot stores. */
export interface DocumentSnapshot {
  readonly text: string
  readonly seqs: ReadonlyArray<readonly [clientId: string, seq: number, version: number]>
}

/** One edit as the history stores it. */
export interface Edited {
  readonly clientId: string
  readonly seq: number
  readonly changes: ChangesJson
}

/** An edit with its position in the history. */
export interface EditedEntry extends Edited {
  readonly offset: number
  readonly hash: string
}

/**
 * The number of clients whose last edit is remembered, the most recent ones. An older client's repeated edit would
 * count as new.
 */
const mostClients = 1_000

/** A document at one version, built from its history. The server and the client use it. */
export class DocumentState {
  #text = Text.empty
  #version = 0
  #hash = ''
  /** The last edit of each client, in the order of those edits. */
  readonly #seqs = new Map<string, { readonly seq: number, readonly version: number }>()

  /** Without a snapshot the history is empty, because the first edit brings one. */
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

  /** Applies the next entry of the history and returns its changes. */
  take ({ offset, hash, clientId, seq, changes }: EditedEntry): ChangeSet {
    const set = ChangeSet.fromJSON(changes)
    this.#text = set.apply(this.#text)
    this.#version = offset
    this.#hash = hash
    this.#remember(clientId, seq)
    return set
  }

  /**
   * The version that the client's edit `seq` made; undefined when the history does not hold it yet. For an older edit:
   * the version of the client's last one.
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
