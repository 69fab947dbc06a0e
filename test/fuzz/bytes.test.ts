import t, { type Test } from 'tap'
import { ByteFuzzer } from '../support/fuzz/byte-fuzzer.ts'
import { cases } from '../support/long-form.ts'

// The short form of `npm run fuzz -- --only frames` and `--only requests`. A failure says its seed.

const timeout = { timeout: 280_000 }
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000)

async function fuzz (t: Test, fuzzer: ByteFuzzer, runs: number): Promise<void> {
  for (let i = 0; i < runs; i++) await fuzzer.run(seed + i)
  t.comment(fuzzer.counts)
  await fuzzer.finish()
}

t.test('fuzz: sound frames in random pieces are answered, random ones leave nothing behind', timeout, async (t) => {
  await fuzz(t, await ByteFuzzer.startFrames(t), cases(100, 3))
})

t.test('fuzz: random upgrade requests get an answer or a close, and leave nothing behind', timeout, async (t) => {
  await fuzz(t, await ByteFuzzer.startRequests(t), cases(150, 8))
})
