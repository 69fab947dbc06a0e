import { createHash } from 'node:crypto'
import type {
  AppendedEntry, ClaimOutcome, IdempotencyClaim, IdempotencyPort, KnownEntry
} from '../../cluster/idempotency.ts'
import { newId } from '../../new-id.ts'
import { clusterTimings } from '../../cluster/timings.ts'
import type { Clock, Timer } from '../../clock.ts'
import { refusal } from '../../protocol/errors.ts'
import { ClaimReleases } from './claim-releases.ts'

/** Milliseconds of the first wait for a claim that another node holds. Each wait doubles, up to `maxClaimWaitMs`. */
const minClaimWaitMs = 20
/** Milliseconds within which a waiting node notices that the other node has finished. */
const maxClaimWaitMs = 200

/** The ack of a handled message: its payload, and the offset of the last entry that the handler appended. */
export interface HandlerResult {
  readonly payload: unknown
  readonly offset?: number | undefined
}

/** The result of one run of a handler. `entries`: those that the handler appended to the history. */
export interface AttemptResult extends HandlerResult {
  readonly entries: readonly AppendedEntry[]
}

/** What a message has appended so far: the offset of the last entry. Kept up to date while its handler runs. */
export interface AppendProgress {
  offset: number | undefined
}

/** Runs the handler. `appended`: the entries of earlier runs. */
type Attempt = (appended: readonly KnownEntry[]) => Promise<AttemptResult>

interface LocalAttempt {
  readonly contentHash: string
  readonly progress: AppendProgress
  readonly result: Promise<HandlerResult>
}

export interface IdempotentMessage {
  readonly channel: string
  /** From `idempotencyId`. */
  readonly id: string
  readonly type: string
  readonly payload: unknown
}

/** The id of an idempotent message. It depends on the user, so that no other user can send a message under it. */
export function idempotencyId (userId: string | undefined, channel: string, correlationId: string): string {
  return digest([userId ?? null, channel, correlationId])
}

/**
 * Handles each idempotent message once, however often and to whichever node it is sent. The node with the idempotency
 * claim runs the handler. A repetition meanwhile waits for its reply, and a later one gets the stored reply.
 */
export class IdempotentMessages {
  readonly #port: IdempotencyPort
  readonly #clock: Clock
  readonly #attempts = new Map<string, LocalAttempt>()
  readonly #releases: ClaimReleases

  constructor (port: IdempotencyPort, clock: Clock) {
    this.#releases = new ClaimReleases(port, clock)
    this.#port = port
    this.#clock = clock
  }

  /**
   * Resolves to the one result of a message. `attempt` runs the handler, unless another attempt has finished. `follow`
   * gets the progress of the attempt that decides about the message, before anything is awaited.
   *
   * @throws {MessageError} `conflict` for other content under the same id; `unavailable` when the result is unknown
   * @throws whatever `attempt` throws
   */
  async run (
    message: IdempotentMessage, attempt: Attempt, follow: (progress: AppendProgress) => void
  ): Promise<HandlerResult> {
    const { channel, id, type, payload } = message
    const contentHash = digest([type, payload])
    let progress: AppendProgress = { offset: undefined }
    // Nothing may be awaited between the last read of `#attempts` and the new entry in it.
    for (let other = this.#attempts.get(id); other; other = this.#attempts.get(id)) {
      if (other.contentHash !== contentHash) throw refusal('conflict')
      progress = other.progress
      follow(progress)
      // A failed attempt, for example because its connection was lost, does not decide about this message.
      const result = await other.result.catch(() => undefined)
      if (result) return result
    }
    follow(progress)
    const result = this.#claimAndRun(channel, { id, contentHash, owner: newId() }, attempt, progress)
    this.#attempts.set(id, { contentHash, progress, result })
    try {
      return await result
    } finally {
      if (this.#attempts.get(id)?.result === result) this.#attempts.delete(id)
    }
  }

  async #claimAndRun (
    channel: string, claim: IdempotencyClaim, attempt: Attempt, progress: AppendProgress
  ): Promise<HandlerResult> {
    for (let waitMs = minClaimWaitMs; ; waitMs = Math.min(2 * waitMs, maxClaimWaitMs)) {
      const claimed = await this.#claim(channel, claim)
      if ('appended' in claimed) progress.offset = claimed.appended.at(-1)?.offset
      if (claimed.outcome === 'claimed') {
        return this.#runClaimed(channel, claim, () => attempt(claimed.appended), progress)
      }
      if (claimed.outcome === 'done') return JSON.parse(claimed.reply) as HandlerResult
      if (claimed.outcome === 'conflict') throw refusal('conflict')
      await new Promise<void>((resolve) => { this.#clock.setTimeout(resolve, waitMs) })
    }
  }

  /** A claim whose result was lost may have been made, so it is given up as well. */
  async #claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    try {
      return await reach(this.#port.claim(channel, claim))
    } catch (error) {
      this.#releases.add(channel, claim)
      throw error
    }
  }

  #runClaimed (
    channel: string, claim: IdempotencyClaim, attempt: () => Promise<AttemptResult>, progress: AppendProgress
  ): Promise<HandlerResult> {
    const renewals = this.#startRenewals(channel, claim)
    const running = attempt().then((result) => this.#finish(channel, claim, result, progress))
    running.catch(() => this.#releases.add(channel, claim))
    return running.finally(() => renewals.stop())
  }

  /** Stores the reply. @throws {MessageError} `unavailable`, also when an entry was lost after it was appended */
  async #finish (
    channel: string, claim: IdempotencyClaim, { entries, ...result }: AttemptResult, progress: AppendProgress
  ): Promise<HandlerResult> {
    const finished = await reach(this.#port.finish(channel, claim, JSON.stringify(result), entries))
    if (finished.outcome === 'lost') {
      progress.offset = undefined
      throw refusal('unavailable')
    }
    return JSON.parse(finished.reply) as HandlerResult
  }

  /**
   * Renews the claim while the handler runs, because a handler may run for longer than a claim is valid. A handler that
   * never settles loses it after the time for which a reply is remembered: no client repeats the message any more.
   */
  #startRenewals (channel: string, claim: IdempotencyClaim): { stop (): void } {
    const endsAt = this.#clock.now() + clusterTimings.replyTtlMs
    let timer: Timer
    const renew = () => {
      if (this.#clock.now() >= endsAt) {
        this.#attempts.delete(claim.id)
        return
      }
      this.#port.claim(channel, claim).catch(() => {})
      schedule()
    }
    const schedule = () => { timer = this.#clock.setTimeout(renew, clusterTimings.claimRenewalMs) }
    schedule()
    return { stop: () => this.#clock.clearTimeout(timer) }
  }
}

/** @throws {MessageError} `unavailable` when the adapter call rejects */
async function reach<T> (call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch {
    throw refusal('unavailable')
  }
}

function digest (parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
}
