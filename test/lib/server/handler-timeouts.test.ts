import t from 'tap'
import { monotonic, systemClock } from '../../../lib/clock.ts'
import { HandlerTimeouts } from '../../../lib/server/handler-timeouts.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'

const timeoutMs = 1_000
const never = new Promise<void>(() => {})

t.test('handler timeouts: each ends after its own time, with one timer for all', async (t) => {
  const clock = new FakeClock()
  const timeouts = new HandlerTimeouts(clock, timeoutMs)
  const ended: string[] = []
  const begin = (name: string) => {
    return t.rejects(timeouts.within(never, () => ended.push(name)), { code: 'timeout' })
  }
  const first = [begin('a'), begin('b')]
  clock.advance(400)
  const second = begin('c')
  t.equal(clock.pending, 1)
  clock.advance(599)
  t.strictSame(ended, [])
  clock.advance(1)
  t.strictSame(ended, ['a', 'b'])
  clock.advance(399)
  t.strictSame(ended, ['a', 'b'])
  clock.advance(1)
  t.strictSame(ended, ['a', 'b', 'c'])
  t.equal(clock.pending, 0)
  await Promise.all([...first, second])
})

t.test('handler timeouts: what settles in time does not end, and what settles late is ignored', async (t) => {
  const clock = new FakeClock()
  const timeouts = new HandlerTimeouts(clock, timeoutMs)
  const onTimeout = () => t.fail('it has settled')
  t.equal(await timeouts.within(Promise.resolve(1), onTimeout), 1)
  await t.rejects(timeouts.within(Promise.reject(new Error('failed')), onTimeout), { message: 'failed' })
  let fail: (error: Error) => void = () => {}
  const late = new Promise<void>((_resolve, reject) => { fail = reject })
  const ended = t.rejects(timeouts.within(late), { code: 'timeout' })
  clock.advance(2 * timeoutMs)
  fail(new Error('too late'))
  await ended
  t.equal(clock.pending, 0)
})

t.test('handler timeouts: closing ends an idle timer, and leaves what runs its time', async (t) => {
  const clock = new FakeClock()
  const idle = new HandlerTimeouts(clock, timeoutMs)
  await idle.within(Promise.resolve())
  idle.close()
  t.equal(clock.pending, 0)
  const busy = new HandlerTimeouts(clock, timeoutMs)
  const ended = t.rejects(busy.within(never), { code: 'timeout' })
  busy.close()
  clock.advance(timeoutMs)
  await ended
  t.equal(clock.pending, 0)
})

t.test('monotonic: a jump of the time of the machine does not change it', async (t) => {
  const now = monotonic(systemClock)
  const before = now()
  t.intercept(Date, 'now', { value: () => 0 })
  t.ok(now() >= before)
  const clock = new FakeClock(5)
  t.equal(monotonic(clock)(), 5, 'that of a test is moved by the test')
})
