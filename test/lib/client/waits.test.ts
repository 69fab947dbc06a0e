import t from 'tap'
import { waitOf } from '../../../lib/client/transport/backoff.ts'

const longest = 2 ** 31 - 1

const waits: ReadonlyArray<readonly [value: unknown, wait: number | undefined]> = [
  [5000, 5000], [0, 0], [0.5, 0.5], [longest + 1, longest], [1e300, longest], [Infinity, longest],
  [-1, undefined], ['x', undefined], [undefined, undefined], [{}, undefined], [NaN, undefined]
]

t.test('waits: what a server sends is a wait that timers can keep, or none', async (t) => {
  for (const [value, wait] of waits) t.equal(waitOf(value), wait, String(value))
})
