import t from 'tap'
import { Backoff, waitOf } from '../../../lib/client/transport/backoff.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'

const longest = 2 ** 31 - 1

const waits: ReadonlyArray<readonly [value: unknown, wait: number | undefined]> = [
  [5000, 5000], [0, 0], [0.5, 0.5], [longest + 1, longest], [1e300, longest], [Infinity, longest],
  [-1, undefined], ['x', undefined], [undefined, undefined], [{}, undefined], [NaN, undefined]
]

t.test('waits: what a server sends is a wait that timers can keep, or none', async (t) => {
  for (const [value, wait] of waits) t.equal(waitOf(value), wait, String(value))
})

t.test('waits: a prolonged wait is told as long as it was asked for, while the clock goes on', async (t) => {
  class TickingClock extends FakeClock {
    override now (): number {
      this.advance(1)
      return super.now()
    }
  }
  const backoff = new Backoff({ clock: new TickingClock(), random: () => 0.5 })
  backoff.retry(() => {})
  t.equal(backoff.extend(20_000), 20_000)
  t.ok(backoff.extend(10_000) > 19_900, 'a shorter one changes nothing')
  backoff.stop()
})
