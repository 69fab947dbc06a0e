import { createHash, randomUUID } from 'node:crypto'
import type { AppendedEntry, IdempotencyClaim, IdempotencyPort } from '../cluster/idempotency.ts'
import type { Clock, Timer } from '../clock.ts'
import { refusal } from '../protocol/errors.ts'

/** Milliseconds between two renewals of a claim, which lasts for 10,000. */
const renewal = 3_000
/** Milliseconds between two looks at a claim that somebody else holds: the first and, doubled each time, the longest wait. */
const firstLook = 20
const lastLook = 200

/** What a handled message came to: its reply, and the offset of its last entry in the log. */
export interface HandlerResult {
  readonly payload: unknown
  readonly offset?: number | undefined
}

export interface AttemptResult extends HandlerResult {
  readonly effects: readonly AppendedEntry[]
}

interface Running { readonly hash: string, readonly outcome: Promise<HandlerResult> }

/** A message that has one effect. */
export interface IdempotentMessage {
  readonly channel: string
  readonly id: string
  readonly type: string
  readonly payload: unknown
}

/** The id under which a message sent once is known: nobody but its sender can give it to a message. */
export function idempotencyId (userId: string | undefined, channel: string, correlationId: string): string {
  return digest([userId ?? '', channel, correlationId])
}

/**
 * Messages that are sent again until they are answered, handled once: whoever holds the claim handles it, whoever comes meanwhile waits, and
 * whoever comes later gets the same reply.
 */
export class IdempotentMessages {
  readonly #port: IdempotencyPort
  readonly #clock: Clock
  readonly #running = new Map<string, Running>()

  constructor (port: IdempotencyPort, clock: Clock) {
    this.#port = port
    this.#clock = clock
  }

  /** @throws {MessageError} `conflict`; `unavailable`, when nobody knows what became of it; what `attempt` throws. */
  async run ({ channel, id, type, payload }: IdempotentMessage, attempt: () => Promise<AttemptResult>): Promise<HandlerResult> {
    const hash = digest([type, payload])
    for (let twin = this.#running.get(id); twin; twin = this.#running.get(id)) {
      if (twin.hash !== hash) throw refusal('conflict')
      // One that failed, perhaps because its connection was lost, says nothing about this one.
      const outcome = await twin.outcome.catch(() => undefined)
      if (outcome) return outcome
    }
    const outcome = this.#claimed(channel, { id, contentHash: hash, owner: randomUUID() }, attempt)
    this.#running.set(id, { hash, outcome })
    try {
      return await outcome
    } finally {
      this.#running.delete(id)
    }
  }

  async #claimed (channel: string, claim: IdempotencyClaim, attempt: () => Promise<AttemptResult>): Promise<HandlerResult> {
    for (let wait = firstLook; ; wait = Math.min(2 * wait, lastLook)) {
      const claimed = await reach(this.#port.claim(channel, claim))
      if (claimed.outcome === 'claimed') return this.#attempt(channel, claim, attempt)
      if (claimed.outcome === 'done') return JSON.parse(claimed.reply) as HandlerResult
      if (claimed.outcome === 'conflict') throw refusal('conflict')
      await new Promise<void>((resolve) => { this.#clock.setTimeout(resolve, wait) })
    }
  }

  #attempt (channel: string, claim: IdempotencyClaim, attempt: () => Promise<AttemptResult>): Promise<HandlerResult> {
    const renewing = this.#renew(channel, claim)
    return this.#carryOut(channel, claim, attempt).finally(() => renewing.stop())
  }

  async #carryOut (channel: string, claim: IdempotencyClaim, attempt: () => Promise<AttemptResult>): Promise<HandlerResult> {
    try {
      const { effects, ...outcome } = await attempt()
      const finished = await reach(this.#port.finish(channel, claim, JSON.stringify(outcome), effects))
      if (finished.outcome === 'lost') throw refusal('unavailable')
      return JSON.parse(finished.reply) as HandlerResult
    } catch (error) {
      this.#port.release(channel, claim).catch(() => {})
      throw error
    }
  }

  /** A handler may take longer than a claim lasts. A renewal that fails is followed by the next. */
  #renew (channel: string, claim: IdempotencyClaim): { stop (): void } {
    let timer: Timer
    const wait = () => {
      timer = this.#clock.setTimeout(() => {
        this.#port.claim(channel, claim).catch(() => {})
        wait()
      }, renewal)
    }
    wait()
    return { stop: () => this.#clock.clearTimeout(timer) }
  }
}

async function reach<T> (answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch {
    throw refusal('unavailable')
  }
}

function digest (parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
}
