import { appendTo } from './test-node.ts'
import type { Rules } from './rule.ts'

const first = { id: 'm1', contentHash: 'h1', owner: 'a' }
const second = { ...first, owner: 'b' }

const claimed = { outcome: 'claimed', appended: [] }
const running = { outcome: 'running', appended: [] }

export const idempotencyRules: Rules = {
  'idempotency: one attempt claims a message, and may claim it again': async (t, [a, b]) => {
    t.strictSame([
      await a.adapter.idempotency.claim('x', first),
      await b.adapter.idempotency.claim('x', second),
      await a.adapter.idempotency.claim('x', first)
    ],
    [claimed, running, claimed], 'the second attempt has to wait')
    t.strictSame(
      await b.adapter.idempotency.claim('x', { ...second, contentHash: 'h2' }),
      { outcome: 'conflict' },
      'the same id with another content is a conflict'
    )
  },

  'idempotency: the first reply counts for every attempt': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', first)
    t.strictSame(
      await a.adapter.idempotency.finish('x', first, '"first"', []),
      { outcome: 'done', reply: '"first"' },
      'the first attempt is done'
    )
    t.strictSame(
      await b.adapter.idempotency.finish('x', second, '"second"', []),
      { outcome: 'done', reply: '"first"' },
      'a later attempt gets the first reply'
    )
    t.strictSame(
      await b.adapter.idempotency.claim('x', second),
      { outcome: 'done', reply: '"first"' },
      'a new claim gets the first reply'
    )
    t.strictSame(
      await b.adapter.idempotency.claim('x', { ...second, contentHash: 'h2' }),
      { outcome: 'conflict' },
      'another content is a conflict'
    )
  },

  'idempotency: only the owner can release a claim, and then the next attempt starts at once': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', first)
    await b.adapter.idempotency.release('x', second)
    t.strictSame(
      await b.adapter.idempotency.claim('x', second),
      running,
      'a release by another attempt does nothing'
    )
    await a.adapter.idempotency.release('x', first)
    t.strictSame(await b.adapter.idempotency.claim('x', second), claimed, 'the released claim is free')
  },

  'idempotency: a claim says what other attempts appended': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', first)
    const entries = []
    for (const id of ['m1', 'm1:1', 'm1:3', 'other']) entries.push({ ...await appendTo(a, id), id })
    const meanwhile = await b.adapter.idempotency.claim('x', second)
    t.strictSame(meanwhile, { outcome: 'running', appended: entries.slice(0, 2) }, 'while another attempt runs')
    await a.adapter.idempotency.release('x', first)
    const again = await b.adapter.idempotency.claim('x', second)
    t.strictSame(again, { outcome: 'claimed', appended: entries.slice(0, 2) }, 'the entries of the message, in order')
    t.strictSame(await b.adapter.idempotency.claim('y', second), claimed, 'another channel has none')
  },

  'idempotency: an attempt is done only if its entries are in the history': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', first)
    const { hash } = await appendTo(a, 'm1')
    t.strictSame(
      await a.adapter.idempotency.finish('x', first, '1', [{ id: 'm1', hash: 'another' }]),
      { outcome: 'lost' },
      'an entry with another hash was lost'
    )
    await b.adapter.idempotency.claim('x', second)
    t.strictSame(
      await b.adapter.idempotency.finish('x', second, '2', [{ id: 'm1', hash }]),
      { outcome: 'done', reply: '2' },
      'the entry is in the history'
    )
  }
}
