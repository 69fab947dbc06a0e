import '../support/without-coverage.ts'
import t, { type Test } from 'tap'
import { cases } from '../support/long-form.ts'
import { ModelFuzzer } from '../support/fuzz/model-fuzzer.ts'
import { startRedis } from '../support/redis.ts'

// The short form of `npm run fuzz`. Each run of the tests has other seeds; a failure says its seed.

async function fuzz (t: Test, sessions: number, redis?: string): Promise<void> {
  const fuzzer = await ModelFuzzer.start(redis)
  t.teardown(() => fuzzer.close())
  const seed = Date.now() % 1_000_000_000
  for (let i = 0; i < sessions; i++) await fuzzer.run(seed + i)
  t.comment(fuzzer.counts)
  for (const kind of ['ack of join', 'ack of write', 'written', 'said', 'left', 'recovered', 'forbidden', 'internal']) {
    t.ok(Number(fuzzer.counts[kind]) > 0, `${kind}: ${fuzzer.counts[kind]} in ${sessions} sessions from ${seed}`)
  }
}

t.test('fuzz: random sessions on two nodes in memory break no rule', { timeout: 280_000 }, async (t) => {
  await fuzz(t, cases(200, 8))
})

t.test('fuzz: random sessions on two nodes with Redis break no rule', { timeout: 280_000 }, async (t) => {
  await fuzz(t, cases(100, 6), (await startRedis(t)).url)
})
