import type { Test } from 'tap'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  IdempotentMessages, idempotencyId, type AppendProgress
} from '../../lib/server/messages/idempotent-messages.ts'
import { refusal } from '../../lib/protocol/errors.ts'

export const messageId = idempotencyId('ann', 'x', 'm1')

type Step = 'claim' | 'append' | 'finish'

/**
 * A lost call. `before`: the call does not reach the adapter. Otherwise the call takes effect and its result is lost.
 */
export interface Cut {
  readonly step: Step
  readonly before: boolean
  /** Whether a claim of the failed call remains. It expires after 10 s. */
  readonly leavesClaim: boolean
}

/**
 * A node that handles idempotent messages. A `cut` makes one call of its adapter fail, before or after it takes effect.
 */
export class IdempotentNode {
  readonly adapter: Adapter
  readonly #messages: IdempotentMessages
  runs = 0
  /** What earlier runs appended, as each run learned it. */
  readonly appendedBefore: string[][] = []
  /** The handler waits for this promise before it appends. */
  handlerDone: Promise<void> | undefined
  cut: Cut | undefined
  /** Of the last send. */
  progress: AppendProgress = { offset: undefined }
  readonly #channel: string

  constructor (adapter: Adapter, clock: Clock, channel = 'x') {
    this.adapter = adapter
    this.#channel = channel
    this.#messages = new IdempotentMessages({
      claim: (...given) => this.#reach('claim', () => this.adapter.idempotency.claim(...given)),
      finish: (...given) => this.#reach('finish', () => this.adapter.idempotency.finish(...given)),
      release: (...given) =>
        this.cut ? Promise.reject(new Error('the release is lost')) : this.adapter.idempotency.release(...given)
    }, clock)
  }

  /** The handler of `message.send`: appends once, and replies with the number of its runs on this node. */
  send (text = 'hello', id = messageId) {
    const message = { channel: this.#channel, id, type: 'message.send', payload: { text } }
    return this.#messages.run(message, async (before) => {
      this.runs++
      this.appendedBefore.push(before.map(({ id, offset }) => `${offset} ${id}`))
      await this.handlerDone
      const append = { id, encoded: Buffer.from(JSON.stringify({ text })), whenSlow: undefined, limit: 10, ttl: 60_000 }
      const appended = await this.#reach('append', () => this.adapter.history.append(this.#channel, append))
        .catch(() => { throw refusal('unavailable') })
      if (!('position' in appended)) throw new Error(appended.outcome)
      const { offset, hash } = appended.position
      this.progress.offset = offset
      return { payload: { run: this.runs }, offset, entries: [{ id, hash }] }
    }, (progress) => { this.progress = progress })
  }

  async entries (): Promise<number> {
    return (await this.adapter.history.read(this.#channel)).entries.length
  }

  async #reach<T> (step: Step, action: () => Promise<T>): Promise<T> {
    const { cut } = this
    if (cut?.step === step && cut.before) throw new Error('the request is lost')
    const result = await action()
    if (cut?.step === step) throw new Error('the result is lost')
    return result
  }
}

export const cuts: ReadonlyArray<readonly [name: string, cut: Cut]> = [
  ['before the claim', { step: 'claim', before: true, leavesClaim: false }],
  ['after the claim', { step: 'claim', before: false, leavesClaim: true }],
  ['before the append', { step: 'append', before: true, leavesClaim: true }],
  ['after the append', { step: 'append', before: false, leavesClaim: true }],
  ['before the reply is stored', { step: 'finish', before: true, leavesClaim: true }],
  ['after the reply is stored', { step: 'finish', before: false, leavesClaim: false }]
]

/**
 * Sends a message to `a`, which loses a call, and sends it again to `a` or `b`. Expects one effect, and the same reply
 * to each further send. `expireClaim` lets a remaining claim expire.
 */
export async function expectOneEffect (
  t: Test, a: IdempotentNode, b: IdempotentNode,
  { cut, otherNode }: { readonly cut: Cut, readonly otherNode: boolean }, expireClaim: () => Promise<void>
): Promise<void> {
  a.cut = cut
  await t.rejects(a.send(), { code: 'unavailable' })
  a.cut = undefined
  const again = (otherNode ? b : a).send()
  await expireClaim()
  const reply = await again
  const wasAppended = cut.step === 'finish' || (cut.step === 'append' && !cut.before)
  const lastRun = [...a.appendedBefore, ...b.appendedBefore].at(-1)
  if (cut.step !== 'finish' || cut.before) {
    t.strictSame(lastRun, wasAppended ? [`1 ${messageId}`] : [], 'the next run knows what was appended')
  }
  t.equal(reply.offset, 1, 'the reply names the first entry')
  t.equal(await a.entries(), 1, 'the message has one entry')
  for (const node of [a, b]) t.strictSame(await node.send(), reply, 'the reply stays the same')
  t.equal(await a.entries(), 1, 'further sends append nothing')
}
