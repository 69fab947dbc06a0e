import { broadcasts, operations } from './cost-operations.js'
import { median } from './measure.js'

const sizes = [1_000, 10_000]
const repetitions = 200

/** Microseconds of one operation in this process, where there are 1,000 or 10,000 of what it could depend on. */
export const cost = {
  title: 'one operation, in microseconds, by the number of waiting messages, claims, entries, members or connections',
  heads: [...sizes.map((n) => n.toLocaleString('en')), 'ratio'],

  async * run (rounds) {
    for (const [name, prepare] of Object.entries({ ...broadcasts, ...operations })) {
      const times = []
      // Until the code is compiled.
      await timeOf(await prepare(100), rounds)
      for (const n of sizes) times.push(await timeOf(await prepare(n), rounds))
      yield [name.padEnd(46), ...times.map((us) => us.toFixed(1)), (times[1] / times[0]).toFixed(2)]
    }
  }
}

async function timeOf (operate, rounds) {
  const results = []
  let i = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    for (const end = i + repetitions; i < end; i++) await operate(i)
    results.push((performance.now() - begun) / repetitions * 1_000)
  }
  return median(results)
}
