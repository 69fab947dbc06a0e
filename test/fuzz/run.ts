import { parseArgs } from 'node:util'
import { ModelFuzzer } from '../support/fuzz/model-fuzzer.ts'
import { RedisServer } from '../support/redis.ts'
import { freePort } from '../support/free-port.ts'

// `npm run fuzz -- --minutes 10`: random sessions on two nodes, in memory and with a Redis in turn, each with the next
// seed. Ends with the first broken rule, and says how to repeat it.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    runs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    memory: { type: 'boolean', default: false }
  }
})

const redis = new RedisServer(await freePort())
if (!values.memory) await redis.start()
const fuzzers = [await ModelFuzzer.start(), ...values.memory ? [] : [await ModelFuzzer.start(redis.url)]]
const end = Date.now() + Number(values.minutes) * 60_000
let runs = 0
try {
  for (; runs < Number(values.runs) && Date.now() < end; runs++) {
    for (const fuzzer of fuzzers) await fuzzer.run(Number(values.seed) + runs)
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
for (const [i, { counts }] of fuzzers.entries()) {
  const name = i === 0 ? 'memory' : 'Redis'
  process.stdout.write(`${name}: ${runs} sessions from seed ${values.seed}: ${JSON.stringify(counts)}\n`)
}
await redis.kill()
process.exit()
