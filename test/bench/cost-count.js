import { Session } from 'node:inspector'
import { broadcasts, operations } from './cost-operations.js'

// Prints how much of the library's code one operation runs, at each size: the executions of all blocks as V8 counts
// them, such as the body of a loop, and the steps of all iterators of maps and sets.

const sizes = process.argv.slice(2).map(Number)
const repetitions = 20

const session = new Session()
session.connect()
const post = (method, params) => {
  let answer
  session.post(method, params, (_error, result) => { answer = result })
  return answer
}
post('Profiler.enable')
post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

let steps = 0
for (const collection of [new Map(), new Set()]) {
  const iterator = Object.getPrototypeOf(collection[Symbol.iterator]())
  const { next } = iterator
  iterator.next = function () {
    steps++
    return next.call(this)
  }
}

/** The executions of blocks since the previous call. */
function countBlocks () {
  const { result } = post('Profiler.takePreciseCoverage')
  return result.filter(({ url }) => url.includes('/dist/lib/') && !url.includes('/testing/'))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
    .reduce((sum, count) => sum + count, 0)
}

async function countAt (prepare, n) {
  const operate = await prepare(n)
  for (let i = 0; i < 5; i++) await operate(i)
  countBlocks()
  steps = 0
  for (let i = 0; i < repetitions; i++) await operate(5 + i)
  return (countBlocks() + steps) / repetitions
}

for (const [kind, all] of Object.entries({ broadcasts, operations })) {
  for (const [name, prepare] of Object.entries(all)) {
    const counts = []
    for (const n of sizes) counts.push(await countAt(prepare, n))
    process.stdout.write(`${JSON.stringify({ kind, name, counts })}\n`)
  }
}
process.exit()
