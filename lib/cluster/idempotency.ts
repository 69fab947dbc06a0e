import type { Position } from '../protocol/position.ts'

/** The right to handle one idempotent message. */
export interface IdempotencyClaim {
  /** The id of the message. */
  readonly id: string
  /** Stands for the content of the message: the same id with another content is a conflict. */
  readonly contentHash: string
  /** The id of this attempt, unique in the cluster. */
  readonly owner: string
}

/** An entry that another attempt appended. */
export interface KnownEntry extends Position {
  readonly id: string
}

/**
 * `claimed`: this attempt may handle the message. `running`: another attempt does. `appended` are the entries of all
 * other attempts that the history knows under `entryIdOf(id, 0)`, `entryIdOf(id, 1)` and so on. `conflict`: the id was
 * used for another content. `done`: the message was handled before, and `reply`, as JSON, was the reply.
 */
export type ClaimOutcome =
  | { readonly outcome: 'claimed' | 'running', readonly appended: readonly KnownEntry[] }
  | { readonly outcome: 'conflict' }
  | { readonly outcome: 'done', readonly reply: string }

/** `done`: the reply that counts, as JSON. `lost`: an entry appended by the attempt is no longer in the history. */
export type FinishOutcome =
  | { readonly outcome: 'lost' }
  | { readonly outcome: 'done', readonly reply: string }

/** An entry that an attempt appended to the channel's history. */
export interface AppendedEntry {
  readonly id: string
  readonly hash: string
}

/** Makes sure that a message sent several times, perhaps to several nodes, is handled once. */
export interface IdempotencyPort {
  /**
   * Claims a message. A claim lasts for `ClusterTimings.claimTtlMs`; the same owner renews it by claiming again. It is
   * not tied to the node's lease, so that another node can take over soon after a crash.
   */
  claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome>
  /**
   * Stores the reply for `ClusterTimings.replyTtlMs`, provided that every entry of the attempt is still in the
   * history. The first attempt to finish wins, even if its claim has run out; later ones get its reply.
   */
  finish (
    channel: string, claim: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome>
  /** Gives an attempt up, so that the next one can start at once. Ignored for a claim that another attempt owns. */
  release (channel: string, claim: IdempotencyClaim): Promise<void>
}
