/**
 * The durations that all nodes must agree on, in milliseconds. A number that follows from another one is derived here,
 * and test/lib/cluster/timings.test.ts states how they relate.
 */
export interface ClusterTimings {
  /** How often a node renews its lease. Short, because a crash is noticed only after several missed renewals. */
  readonly leaseRenewalMs: number
  /** A lease that is not renewed for this long has expired: three renewals, so that two may be lost or late. */
  readonly leaseTtlMs: number
  /**
   * How long after its lease a write of a node still counts. Covers a write that waits in a socket while the node or
   * the network is paused; a later one is refused, so that nothing of a dead node reappears.
   */
  readonly lateWriteToleranceMs: number
  /**
   * How often a node on a local hub asks it for a sign of life. A hub that stands still is noticed after three of them,
   * and a request ends after four.
   */
  readonly hubProbeIntervalMs: number

  /** How long presence keys live without a refresh. A backstop: only a cluster without any node leaves keys behind. */
  readonly presenceTtlMs: number
  /** How often each node compares its presence entries with the shared ones, and refreshes the keys. */
  readonly presenceCheckIntervalMs: number
  /**
   * How long the marker of a connection that exited is kept, in case its entry arrives later. No entry is accepted
   * after the lease and the late-write tolerance, so the marker is needed no longer than both together.
   */
  readonly exitMarkerTtlMs: number
  /**
   * How long nodes hold back the announcement that users left when the whole presence list was lost. The other nodes
   * notice the loss with their next renewal at the latest, and enter their connections again.
   */
  readonly presenceHoldBackMs: number

  /**
   * How long the id of an appended entry is known. Longer than a client repeats a message (90 s), because a repetition
   * after the window would be appended twice.
   */
  readonly dedupeWindowMs: number
  /** When an append to a full history may be tried again: an editor stores a snapshot about that often. */
  readonly historyFullRetryMs: number
  /** How often a node compares quiet histories with the shared position, to find a lost last entry. */
  readonly positionPollIntervalMs: number

  /**
   * How long an idempotency claim lasts without a renewal: after a crash, another node waits that long before it
   * handles the message again. A node that stands still for longer loses its claims, and the handler may run twice.
   */
  readonly claimTtlMs: number
  /** How often a running handler renews its claim: three times in its life, so that two renewals may be lost. */
  readonly claimRenewalMs: number
  /** How long the reply of an idempotent message is remembered. Longer than a client repeats the message (90 s). */
  readonly replyTtlMs: number

  /**
   * How long a node's number of connections of a user counts without being stated again: the bound for a number that
   * no node corrects any more.
   */
  readonly quotaTtlMs: number
  /** After how long a node states an unchanged number again: four times in its life. */
  readonly quotaRestateMs: number
  /** The shortest wait before a connection beyond the quota should try again. */
  readonly quotaRetryMinMs: number
  /** The longest wait: the connections of a dead node are released with its lease. */
  readonly quotaRetryMaxMs: number

  /** How long a node waits for the answers to a node request. A user waits for the result, so it is short. */
  readonly nodeRequestTimeoutMs: number
  /** When a request is sent again to the nodes without an answer. Leaves the repeated one twice as long. */
  readonly nodeRequestRepeatMs: number
}

/**
 * The timings with every duration multiplied by `factor`, for tests: `scaleTimings(0.05)` makes a lease of 600 ms.
 * Keeps the relations between them.
 */
export function scaleTimings (factor: number): ClusterTimings {
  const scaled = (ms: number) => Math.round(ms * factor)
  const leaseRenewalMs = scaled(4_000)
  const leaseTtlMs = 3 * leaseRenewalMs
  const [lateWriteToleranceMs, presenceTtlMs] = [scaled(30_000), scaled(120_000)]
  const claimTtlMs = scaled(2_000)
  const nodeRequestTimeoutMs = scaled(1_000)
  return {
    leaseRenewalMs,
    leaseTtlMs,
    lateWriteToleranceMs,
    hubProbeIntervalMs: Math.floor(leaseRenewalMs / 8),
    presenceTtlMs,
    // Three checks may fail before the keys expire.
    presenceCheckIntervalMs: Math.floor(presenceTtlMs / 4),
    exitMarkerTtlMs: leaseTtlMs + lateWriteToleranceMs,
    presenceHoldBackMs: leaseRenewalMs,
    dedupeWindowMs: scaled(120_000),
    historyFullRetryMs: scaled(1_000),
    positionPollIntervalMs: scaled(5_000),
    claimTtlMs,
    claimRenewalMs: Math.floor(claimTtlMs / 3),
    replyTtlMs: scaled(120_000),
    quotaTtlMs: scaled(600_000),
    quotaRestateMs: scaled(150_000),
    quotaRetryMinMs: scaled(1_000),
    quotaRetryMaxMs: leaseTtlMs,
    nodeRequestTimeoutMs,
    nodeRequestRepeatMs: Math.floor(nodeRequestTimeoutMs / 3)
  }
}

/** The timings in production. A cluster works only if all of its nodes use the same ones. */
export const clusterTimings: ClusterTimings = scaleTimings(1)
