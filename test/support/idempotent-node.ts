import type { Test } from 'tap'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import type { Clock } from '../../lib/clock.ts'
import { IdempotentMessages, idempotencyId } from '../../lib/server/idempotent-messages.ts'
import { refusal } from '../../lib/protocol/errors.ts'

export const messageId = idempotencyId('ann', 'x', 'm1')

type Step = 'claim' | 'append' | 'finish'

/** `leaves`: whether a claim is left behind that nobody holds any more. */
export interface Cut { readonly step: Step, readonly before: boolean, readonly leaves: boolean }

/** A node that handles messages once. What it asks of its adapter can be lost on the way there, or the answer on the way back. */
export class OnceNode {
  readonly adapter: Adapter
  readonly once: IdempotentMessages
  runs = 0
  /** Before the handler goes on. */
  gate: Promise<void> | undefined
  cut: Cut | undefined
  readonly #channel: string

  constructor (adapter: Adapter, clock: Clock, channel = 'x') {
    this.adapter = adapter
    this.#channel = channel
    this.once = new IdempotentMessages({
      claim: (...given) => this.#reach('claim', () => this.adapter.idempotency.claim(...given)),
      finish: (...given) => this.#reach('finish', () => this.adapter.idempotency.finish(...given)),
      release: (...given) => this.cut ? Promise.reject(new Error('lost')) : this.adapter.idempotency.release(...given)
    }, clock)
  }

  /** The handler of `message.send`: appends once, and replies with how often it ran here. */
  send (text = 'hello', id = messageId) {
    return this.once.run({ channel: this.#channel, id, type: 'message.send', payload: { text } }, async () => {
      this.runs++
      await this.gate
      const append = { id, encoded: Buffer.from(JSON.stringify({ text })), whenSlow: undefined, limit: 10, ttl: 60_000 }
      const appended = await this.#reach('append', () => this.adapter.history.append(this.#channel, append)).catch(() => { throw refusal('unavailable') })
      if (!('position' in appended)) throw new Error(appended.outcome)
      const { offset, hash } = appended.position
      return { payload: { run: this.runs }, offset, entries: [{ id, hash }] }
    })
  }

  async entries (): Promise<number> {
    return (await this.adapter.history.read(this.#channel)).entries.length
  }

  async #reach<T> (step: Step, action: () => Promise<T>): Promise<T> {
    const { cut } = this
    if (cut?.step === step && cut.before) throw new Error('lost on the way there')
    const answer = await action()
    if (cut?.step === step) throw new Error('lost on the way back')
    return answer
  }
}

export const cuts: ReadonlyArray<readonly [name: string, cut: Cut]> = [
  ['before the claim', { step: 'claim', before: true, leaves: false }],
  ['after the claim', { step: 'claim', before: false, leaves: true }],
  ['before the append', { step: 'append', before: true, leaves: true }],
  ['after the append', { step: 'append', before: false, leaves: true }],
  ['before the reply is kept', { step: 'finish', before: true, leaves: true }],
  ['after the reply is kept', { step: 'finish', before: false, leaves: false }]
]

/**
 * A message whose sender is cut off at `a`, and who sends it again there or at `b`: one effect, and the same reply from then on. `later` lets a claim that
 * was left behind end.
 */
export async function cutOff (
  t: Test, a: OnceNode, b: OnceNode, { cut, elsewhere }: { readonly cut: Cut, readonly elsewhere: boolean }, later: () => Promise<void>
): Promise<void> {
  a.cut = cut
  await t.rejects(a.send(), { code: 'unavailable' })
  a.cut = undefined
  const again = (elsewhere ? b : a).send()
  await later()
  const reply = await again
  t.equal(reply.offset, 1)
  t.equal(await a.entries(), 1)
  for (const node of [a, b]) t.strictSame(await node.send(), reply, 'and the same reply from then on')
  t.equal(await a.entries(), 1)
}
