import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { IdempotencyPort } from '../../../lib/cluster/idempotency.ts'
import { idempotencyId } from '../../../lib/server/idempotent-messages.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { cutOff, cuts, OnceNode } from '../../support/idempotent-node.ts'

const turn = () => new Promise(setImmediate)

function cluster () {
  const clock = new FakeClock(1_000_000)
  const hub = new MemoryHub(clock)
  const [a, b] = [new OnceNode(new MemoryAdapter(hub), clock), new OnceNode(new MemoryAdapter(hub), clock)]
  return { clock, a, b }
}

for (const [name, cut] of cuts) {
  t.test(`cut off ${name}: the sender learns nothing, sends again, here or elsewhere, and there is one effect`, async (t) => {
    for (const elsewhere of [true, false]) {
      const { a, b, clock } = cluster()
      await cutOff(t, a, b, { cut, elsewhere }, async () => {
        // Where the claim was left behind it ends after 10 s.
        for (let i = 0; i < 60; i++) {
          await turn()
          clock.advance(200)
        }
      })
    }
  })
}

t.test('while one node handles it, another waits, looking ever less often, and gets its reply', async (t) => {
  const { a, b, clock } = cluster()
  let open = () => {}
  a.gate = new Promise((resolve) => { open = resolve })
  const first = a.send()
  await turn()
  const second = b.send()
  const waits: Array<number | undefined> = []
  for (let i = 0; i < 5; i++) {
    await turn()
    waits.push(clock.next)
    clock.advance(clock.next as number)
  }
  t.strictSame(waits, [20, 40, 80, 160, 200])
  open()
  await turn()
  clock.advance(200)
  t.strictSame(await second, await first)
  t.strictSame([a.runs, b.runs, await a.entries()], [1, 0, 1])
})

t.test('a handler may take longer than a claim lasts: it is renewed while it runs', async (t) => {
  const { a, b, clock } = cluster()
  let open = () => {}
  a.gate = new Promise((resolve) => { open = resolve })
  const first = a.send()
  await turn()
  const second = b.send()
  for (let second = 0; second < 25; second++) {
    clock.advance(1_000)
    await turn()
  }
  t.equal(b.runs, 0)
  a.cut = { step: 'claim', before: true, leaves: false }
  clock.advance(3_000)
  await turn()
  a.cut = undefined
  open()
  await turn()
  clock.advance(200)
  t.strictSame(await second, await first)
  await turn()
  t.equal(clock.pending <= 1, true, 'and not after')
})

t.test('a node that is gone leaves its claim to whoever waits longest', async (t) => {
  const { a, b, clock } = cluster()
  a.gate = new Promise(() => {})
  a.send().catch(() => {})
  await turn()
  a.cut = { step: 'claim', before: true, leaves: false }
  const begun = clock.now()
  const waiting = b.send()
  while (b.runs === 0) {
    await turn()
    clock.advance(200)
  }
  t.strictSame((await waiting).payload, { run: 1 })
  t.ok(clock.now() - begun > 9_500 && clock.now() - begun < 10_800, 'when its claim is over')
  t.equal(await a.entries(), 1)
})

t.test('another content under the same id is a conflict, here and elsewhere, running or done', async (t) => {
  const { a, b } = cluster()
  let open = () => {}
  a.gate = new Promise((resolve) => { open = resolve })
  const first = a.send('hello')
  await turn()
  for (const node of [a, b]) await t.rejects(node.send('goodbye'), { code: 'conflict' })
  open()
  await first
  for (const node of [a, b]) await t.rejects(node.send('goodbye'), { code: 'conflict' })
})

t.test('one that failed here says nothing about its twin, which is handled', async (t) => {
  const { a } = cluster()
  let open: (value?: unknown) => void = () => {}
  a.gate = new Promise((_resolve, reject) => { open = () => reject(new Error('the connection is lost')) })
  const first = a.send()
  const second = a.send()
  await turn()
  a.gate = Promise.resolve()
  open()
  await t.rejects(first, { message: 'the connection is lost' })
  t.strictSame((await second).payload, { run: 2 })
})

t.test('entries that Redis lost after they were acknowledged are not acked', async (t) => {
  const { a } = cluster()
  const lost: Pick<IdempotencyPort, 'finish'> = { finish: async () => ({ outcome: 'lost' }) }
  const finish = a.adapter.idempotency.finish.bind(a.adapter.idempotency)
  Object.assign(a.adapter.idempotency, lost)
  await t.rejects(a.send(), { code: 'unavailable' })
  Object.assign(a.adapter.idempotency, { finish })
  t.strictSame((await a.send()).payload, { run: 2 })
  t.equal(await a.entries(), 1)
})

t.test('ids belong to a user and a channel', async (t) => {
  const ids = [idempotencyId('ann', 'x', 'm1'), idempotencyId('bob', 'x', 'm1'), idempotencyId('ann', 'y', 'm1'), idempotencyId('ann', 'x', 'm2'), idempotencyId(undefined, 'x', 'm1')]
  t.equal(new Set(ids).size, 5)
  t.equal(idempotencyId('ann', 'x', 'm1'), ids[0])
})
