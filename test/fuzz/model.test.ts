import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cases } from '../support/long-form.ts'
import { EnvelopeFuzzer } from '../support/fuzz/envelope-fuzzer.ts'
import { ModelFuzzer } from '../support/fuzz/model-fuzzer.ts'
import { fits, plantedFaults } from '../support/fuzz/planted-faults.ts'
import { TenantFuzzer } from '../support/fuzz/tenant-fuzzer.ts'
import { startRedis } from '../support/redis.ts'
import { root } from '../support/root.ts'

// The short form of `npm run fuzz`. Each run of the tests has other seeds; a failure says its seed.

async function fuzz (t: Test, sessions: number, redis?: string): Promise<void> {
  const fuzzer = await ModelFuzzer.start(redis)
  t.teardown(() => fuzzer.close())
  const seed = Date.now() % 1_000_000_000
  for (let i = 0; i < sessions; i++) await fuzzer.run(seed + i)
  t.comment(fuzzer.counts)
  const kinds = [
    'ack of join', 'joined', 'ack of write', 'ack of history', 'written', 'said', 'left', 'recovered', 'forbidden',
    'internal'
  ]
  for (const kind of kinds) {
    t.ok(Number(fuzzer.counts[kind]) > 0, `${kind}: ${fuzzer.counts[kind]} in ${sessions} sessions from ${seed}`)
  }
}

t.test('fuzz: random sessions on two nodes in memory break no rule', { timeout: 280_000 }, async (t) => {
  await fuzz(t, cases(200, 6))
})

t.test('fuzz: random sessions on two nodes with Redis break no rule', { timeout: 280_000 }, async (t) => {
  await fuzz(t, cases(100, 5), (await startRedis(t)).url)
})

t.test('fuzz: envelopes of random contracts get their reply', { timeout: 280_000 }, async (t) => {
  const fuzzer = new EnvelopeFuzzer()
  const seed = Date.now() % 1_000_000_000
  for (let i = 0; i < cases(100, 4); i++) await fuzzer.run(seed + i)
  t.comment(fuzzer.counts)
  for (const kind of ['handled', 'invalid_payload', 'unknown_channel']) t.ok(Number(fuzzer.counts[kind]) > 0, kind)
})

t.test('fuzz: two tenants on one Redis are alone, whatever their names', { timeout: 280_000 }, async (t) => {
  const fuzzer = new TenantFuzzer((await startRedis(t)).url)
  const seed = Date.now() % 1_000_000_000
  for (let i = 0; i < cases(100, 3); i++) await fuzzer.run(seed + i)
  t.equal(fuzzer.counts['message'], cases(100, 3), 'every part of the adapter was tried')
})

t.test('fuzz: every planted fault has its place in the code', async (t) => {
  for (const fault of plantedFaults) {
    t.ok(fits(fault, readFileSync(join(root, 'dist', fault.file), 'utf8')), `${fault.name}: '${fault.find}'`)
  }
})
