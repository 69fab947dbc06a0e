import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { IdempotencyPort } from '../../../lib/cluster/idempotency.ts'
import { idempotencyId } from '../../../lib/server/messages/idempotent-messages.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { expectOneEffect, cuts, IdempotentNode } from '../../support/idempotent-node.ts'

const nextTick = () => new Promise(setImmediate)

function cluster () {
  const clock = new FakeClock(1_000_000)
  const hub = new MemoryHub(clock)
  const a = new IdempotentNode(new MemoryAdapter(hub), clock)
  const b = new IdempotentNode(new MemoryAdapter(hub), clock)
  return { clock, a, b }
}

for (const [name, cut] of cuts) {
  t.test(`idempotent message: a call lost ${name} and a second send on any node have one effect`, async (t) => {
    for (const otherNode of [true, false]) {
      const { a, b, clock } = cluster()
      await expectOneEffect(t, a, b, { cut, otherNode }, async () => {
        // An abandoned claim expires after 10 s.
        for (let i = 0; i < 60; i++) {
          await nextTick()
          clock.advance(200)
        }
      })
    }
  })
}

t.test('idempotent message: a second node waits with growing pauses, and gets the reply of the first', async (t) => {
  const { a, b, clock } = cluster()
  let finishHandler = () => {}
  a.handlerDone = new Promise((resolve) => { finishHandler = resolve })
  const first = a.send()
  await nextTick()
  const second = b.send()
  const waits: Array<number | undefined> = []
  for (let i = 0; i < 5; i++) {
    await nextTick()
    waits.push(clock.next)
    clock.advance(clock.next as number)
  }
  t.strictSame(waits, [20, 40, 80, 160, 200])
  finishHandler()
  await nextTick()
  clock.advance(200)
  t.strictSame(await second, await first)
  t.strictSame([a.runs, b.runs, await a.entries()], [1, 0, 1])
})

t.test('idempotent message: the claim is renewed while the handler runs', async (t) => {
  const { a, b, clock } = cluster()
  let finishHandler = () => {}
  a.handlerDone = new Promise((resolve) => { finishHandler = resolve })
  const first = a.send()
  await nextTick()
  const second = b.send()
  for (let second = 0; second < 25; second++) {
    clock.advance(1_000)
    await nextTick()
  }
  t.equal(b.runs, 0)
  a.cut = { step: 'claim', before: true, leavesClaim: false }
  clock.advance(3_000)
  await nextTick()
  a.cut = undefined
  finishHandler()
  await nextTick()
  clock.advance(200)
  t.strictSame(await second, await first)
  await nextTick()
  t.ok(clock.pending <= 1, 'no renewal is scheduled afterwards')
})

t.test('idempotent message: the claim of a handler that never settles is renewed for 120 s at most', async (t) => {
  const { a, b, clock } = cluster()
  let finishHandler = () => {}
  a.handlerDone = new Promise((resolve) => { finishHandler = resolve })
  const first = a.send()
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000)
      await nextTick()
    }
  }
  await advance(140_000)
  t.ok(clock.pending <= 1, 'no renewal is scheduled any more')
  const second = await b.send()
  t.equal(b.runs, 1, 'the other node handles the message')
  a.handlerDone = undefined
  t.strictSame(await a.send(), second, 'this node no longer waits for its own attempt')
  finishHandler()
  t.strictSame(await first, second, 'the late attempt gets the first reply')
})

t.test('idempotent message: a waiting node takes over the claim of a killed node when it expires', async (t) => {
  const { a, b, clock } = cluster()
  a.handlerDone = new Promise(() => {})
  a.send().catch(() => {})
  await nextTick()
  a.cut = { step: 'claim', before: true, leavesClaim: false }
  const startedAt = clock.now()
  const waiting = b.send()
  while (b.runs === 0) {
    await nextTick()
    clock.advance(200)
  }
  t.strictSame((await waiting).payload, { run: 1 })
  t.ok(clock.now() - startedAt > 1_500 && clock.now() - startedAt < 2_800, 'taken over after about 2 s')
  t.equal(await a.entries(), 1)
})

t.test('idempotent message: a claim whose release failed is released soon after the adapter is back', async (t) => {
  for (const step of ['claim', 'append', 'finish'] as const) {
    const { a, b, clock } = cluster()
    let releases = 0
    const { idempotency } = a.adapter
    const release = idempotency.release.bind(idempotency)
    let isAway = true
    idempotency.release = async (...given) => {
      releases++
      if (isAway) throw new Error('away')
      await release(...given)
    }
    a.cut = { step, before: step === 'finish', leavesClaim: true }
    const ids = Array.from({ length: 100 }, (_, i) => `m${i}`)
    for (const id of ids) await t.rejects(a.send('hello', id), { code: 'unavailable', retryAfter: 500 })
    a.cut = undefined
    for (let i = 0; i < 6; i++) {
      await nextTick()
      clock.advance(250)
    }
    t.equal(releases, 6, 'one call at a time while the adapter is away')
    isAway = false
    const again = ids.map((id) => b.send('hello', id))
    const startedAt = clock.now()
    let answered = 0
    for (const reply of again) reply.then(() => { answered++ })
    for (let i = 0; i < 20; i++) {
      await nextTick()
      clock.advance(50)
    }
    t.equal(answered, 100, `${step}: within ${clock.now() - startedAt} ms`)
    t.equal(await a.entries(), 10, 'the limit of the history: one entry for each message')
  }
})

t.test('idempotent message: a release that fails for as long as a claim lasts is given up', async (t) => {
  const { a, clock } = cluster()
  a.cut = { step: 'append', before: true, leavesClaim: true }
  await t.rejects(a.send(), { code: 'unavailable' })
  a.cut = undefined
  let releases = 0
  a.adapter.idempotency.release = async () => {
    releases++
    throw new Error('away')
  }
  for (let i = 0; i < 100; i++) {
    await nextTick()
    clock.advance(250)
  }
  t.equal(releases, 7, 'every 250 ms for 2 s')
})

t.test('idempotent message: other content under the same id is a conflict on every node', async (t) => {
  const { a, b } = cluster()
  let finishHandler = () => {}
  a.handlerDone = new Promise((resolve) => { finishHandler = resolve })
  const first = a.send('hello')
  await nextTick()
  for (const node of [a, b]) await t.rejects(node.send('goodbye'), { code: 'conflict' })
  finishHandler()
  await first
  for (const node of [a, b]) await t.rejects(node.send('goodbye'), { code: 'conflict' })
})

t.test('idempotent message: a repetition is handled when the first attempt fails', async (t) => {
  const { a } = cluster()
  let failHandler = () => {}
  a.handlerDone = new Promise((_resolve, reject) => { failHandler = () => reject(new Error('the connection is lost')) })
  const first = a.send()
  const second = a.send()
  await nextTick()
  a.handlerDone = Promise.resolve()
  failHandler()
  await t.rejects(first, { message: 'the connection is lost' })
  t.strictSame((await second).payload, { run: 2 })
})

t.test('idempotent message: it is not acked when Redis lost an entry after confirming it', async (t) => {
  const { a } = cluster()
  const lost: Pick<IdempotencyPort, 'finish'> = { finish: async () => ({ outcome: 'lost' }) }
  const finish = a.adapter.idempotency.finish.bind(a.adapter.idempotency)
  Object.assign(a.adapter.idempotency, lost)
  await t.rejects(a.send(), { code: 'unavailable' })
  t.equal(a.progress.offset, undefined, 'no entry stands')
  Object.assign(a.adapter.idempotency, { finish })
  t.strictSame((await a.send()).payload, { run: 2 })
  t.equal(a.progress.offset, 1)
  t.equal(await a.entries(), 1)
})

t.test('idempotencyId: it depends on the user, the channel and the correlationId', async (t) => {
  const ids = [
    idempotencyId('ann', 'x', 'm1'),
    idempotencyId('bob', 'x', 'm1'),
    idempotencyId('ann', 'y', 'm1'),
    idempotencyId('ann', 'x', 'm2'),
    idempotencyId(undefined, 'x', 'm1')
  ]
  t.equal(new Set(ids).size, 5)
  t.equal(idempotencyId('ann', 'x', 'm1'), ids[0])
})
