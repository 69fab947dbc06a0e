import type { IdempotencyClaim, IdempotencyPort } from '../../cluster/idempotency.ts'
import { clusterTimings } from '../../cluster/timings.ts'
import type { Clock, Timer } from '../../clock.ts'

/** Milliseconds until a failed release of a claim is tried again. A message waits that long after an outage. */
const releaseRetryMs = 250

interface Release { readonly channel: string, readonly claim: IdempotencyClaim, readonly endsAt: number }

/**
 * Gives claims up, so that their messages can be handled again at once. A release that fails, because the adapter is
 * away, is tried again until the claim has expired by itself. One release at a time tells whether the adapter is back.
 */
export class ClaimReleases {
  readonly #port: IdempotencyPort
  readonly #clock: Clock
  readonly #failed = new Set<Release>()
  #timer: Timer | undefined

  constructor (port: IdempotencyPort, clock: Clock) {
    this.#port = port
    this.#clock = clock
  }

  /** Never rejects. */
  async add (channel: string, claim: IdempotencyClaim): Promise<void> {
    await this.#try({ channel, claim, endsAt: this.#clock.now() + clusterTimings.claimTtlMs })
  }

  async #try (release: Release): Promise<boolean> {
    try {
      await this.#port.release(release.channel, release.claim)
      this.#failed.delete(release)
      return true
    } catch {
      this.#failed.add(release)
      this.#timer ??= this.#clock.setTimeout(() => this.#retry(), releaseRetryMs)
      return false
    }
  }

  async #retry (): Promise<void> {
    this.#timer = undefined
    for (const release of this.#failed) if (this.#clock.now() >= release.endsAt) this.#failed.delete(release)
    const [first, ...others] = this.#failed
    if (first && await this.#try(first)) for (const release of others) this.#try(release)
  }
}
