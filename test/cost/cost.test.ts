import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { root } from '../support/root.ts'

const sizes = [1_000, 10_000] as const

interface Counted {
  readonly kind: 'operations' | 'broadcasts'
  readonly name: string
  /** The executed blocks of one operation, at each of the sizes. */
  readonly counts: readonly [number, number]
}

/** V8 counts in a process of its own, because a count ends the collection of coverage. */
async function countOperations (): Promise<Counted[]> {
  const { NODE_V8_COVERAGE, NODE_OPTIONS, ...env } = process.env
  const args = [`${root}test/bench/cost-count.js`, ...sizes.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Counted)
}

t.test('cost: an operation runs as much code with 10,000 messages, members or connections as with 1,000', async (t) => {
  const counted = await countOperations()
  for (const { name, counts: [few, many] } of counted.filter(({ kind }) => kind === 'operations')) {
    t.ok(many < 1.5 * few + 20, `${name}: ${few} blocks at ${sizes[0]}, ${many} at ${sizes[1]}`)
  }
  for (const { name, counts: [few, many] } of counted.filter(({ kind }) => kind === 'broadcasts')) {
    t.ok(many < 12 * few, `${name}: linear in members, ${few} blocks at ${sizes[0]}, ${many} at ${sizes[1]}`)
  }
  t.equal(counted.length, 12, 'every operation was counted')
})
