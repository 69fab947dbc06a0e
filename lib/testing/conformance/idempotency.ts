import { appended } from './test-node.ts'
import type { Rules } from './rule.ts'

const one = { id: 'm1', contentHash: 'h1', owner: 'a' }
const other = { ...one, owner: 'b' }

export const claims: Rules = {
  'a message is claimed by one, and again by the same one': async (t, [a, b]) => {
    t.strictSame([await a.adapter.idempotency.claim('x', one), await b.adapter.idempotency.claim('x', other), await a.adapter.idempotency.claim('x', one)],
      [{ outcome: 'claimed' }, { outcome: 'running' }, { outcome: 'claimed' }], 'others wait')
    t.strictSame(await b.adapter.idempotency.claim('x', { ...other, contentHash: 'h2' }), { outcome: 'conflict' }, 'another content is another message')
  },

  'the first reply counts, for everyone': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', one)
    t.strictSame(await a.adapter.idempotency.finish('x', one, '"first"', []), { outcome: 'done', reply: '"first"' }, 'done')
    t.strictSame(await b.adapter.idempotency.finish('x', other, '"second"', []), { outcome: 'done', reply: '"first"' }, 'whoever comes later gets it')
    t.strictSame(await b.adapter.idempotency.claim('x', other), { outcome: 'done', reply: '"first"' }, 'and who asks')
    t.strictSame(await b.adapter.idempotency.claim('x', { ...other, contentHash: 'h2' }), { outcome: 'conflict' }, 'but not for another content')
  },

  'what was given up may be claimed at once, by others only by whoever holds it': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', one)
    await b.adapter.idempotency.release('x', other)
    t.strictSame(await b.adapter.idempotency.claim('x', other), { outcome: 'running' }, 'it was not theirs to give up')
    await a.adapter.idempotency.release('x', one)
    t.strictSame(await b.adapter.idempotency.claim('x', other), { outcome: 'claimed' }, 'now it is')
  },

  'an attempt whose entries are in the log is done; one whose entries are lost is not': async (t, [a, b]) => {
    await a.adapter.idempotency.claim('x', one)
    const { hash } = await appended(a, 'm1')
    t.strictSame(await a.adapter.idempotency.finish('x', one, '1', [{ id: 'm1', hash: 'another' }]), { outcome: 'lost' }, 'it is not what was appended')
    await b.adapter.idempotency.claim('x', other)
    t.strictSame(await b.adapter.idempotency.finish('x', other, '2', [{ id: 'm1', hash }]), { outcome: 'done', reply: '2' }, 'it is')
  }
}
