/**
 * Stands among the missing nodes for those that this node does not know, because the request did not leave it. So an
 * empty list of missing nodes always means that every node has answered.
 */
export const unknownNodes = 'unknown'

/** The answers that arrived by the deadline. */
export interface NodeAnswers {
  readonly results: ReadonlyArray<{ readonly node: string, readonly answer: unknown }>
  /** The ids of the nodes without an answer, or `unknownNodes`. */
  readonly missing: readonly string[]
}

/** Node requests and revocations: what concerns every node, whatever its channels. */
export interface NodesPort {
  /**
   * Sends a request, any JSON value, to every other node, also to one that has just started. Resolves when all of them
   * have answered, at the latest after `deadlineMs` milliseconds. Never rejects. A node carries a request out once,
   * even if it arrives twice.
   */
  request (request: unknown, deadlineMs: number): Promise<NodeAnswers>
  /**
   * Announces to all other nodes that a user or token is revoked until `until`, in milliseconds since 1970 by the clock
   * of this node. A node that cannot be reached learns of it as soon as it can.
   */
  revoke (key: string, until: number): Promise<void>
}
