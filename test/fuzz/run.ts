import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { ByteFuzzer } from '../support/fuzz/byte-fuzzer.ts'
import { EnvelopeFuzzer } from '../support/fuzz/envelope-fuzzer.ts'
import { ModelFuzzer } from '../support/fuzz/model-fuzzer.ts'
import { outsideTap } from '../support/fuzz/outside-tap.ts'
import { TenantFuzzer } from '../support/fuzz/tenant-fuzzer.ts'
import { RedisServer } from '../support/redis.ts'
import { freePort } from '../support/free-port.ts'

// `npm run fuzz -- --minutes 10`: each fuzzer in turn, with one seed after another. Ends with the first broken rule,
// and says how to repeat it. `--only redis` runs one of them.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    runs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    only: { type: 'string' }
  }
})

const redis = new RedisServer(await freePort())
const fuzzers = {
  memory: () => ModelFuzzer.start(),
  redis: () => ModelFuzzer.start(redis.url),
  envelopes: async () => new EnvelopeFuzzer(),
  tenants: async () => new TenantFuzzer(redis.url),
  frames: () => ByteFuzzer.startFrames(outsideTap()),
  requests: () => ByteFuzzer.startRequests(outsideTap())
}
const wanted = Object.entries(fuzzers).filter(([name]) => values.only === undefined || name === values.only)
await redis.start()
const running = await Promise.all(wanted.map(async ([name, start]) => ({ name, fuzzer: await start(), runs: 0 })))
const delays = monitorEventLoopDelay()
delays.enable()
const end = Date.now() + Number(values.minutes) * 60_000
try {
  for (let run = 0; run < Number(values.runs) && Date.now() < end; run++) {
    for (const one of running) {
      await one.fuzzer.run(Number(values.seed) + run)
      one.runs++
    }
  }
  for (const { fuzzer } of running) await fuzzer.close()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
for (const { name, fuzzer: { counts }, runs } of running) {
  process.stdout.write(`${name}: ${runs} runs from seed ${values.seed}: ${JSON.stringify(counts)}\n`)
}
process.stdout.write(`longest time without the event loop: ${Math.round(delays.max / 1e6)} ms\n`)
await redis.kill()
process.exit()
