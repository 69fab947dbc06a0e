import t from 'tap'
import { Deadlines } from '../../lib/deadlines.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'

const lengthMs = 1_000

function start () {
  const clock = new FakeClock()
  const passed: string[] = []
  return { clock, passed, deadlines: new Deadlines<string>(clock, lengthMs, (key) => passed.push(key)) }
}

t.test('deadlines: each passes after its own time, with one timer for all', async (t) => {
  const { clock, passed, deadlines } = start()
  for (const key of ['a', 'b']) deadlines.begin(key)
  clock.advance(400)
  deadlines.begin('c')
  t.equal(clock.pending, 1)
  clock.advance(599)
  t.strictSame(passed, [])
  clock.advance(1)
  t.strictSame(passed, ['a', 'b'])
  clock.advance(399)
  t.strictSame(passed, ['a', 'b'])
  clock.advance(1)
  t.strictSame(passed, ['a', 'b', 'c'])
  t.equal(clock.pending, 0)
})

t.test('deadlines: one that has ended does not pass', async (t) => {
  const { clock, passed, deadlines } = start()
  for (const key of ['a', 'b']) deadlines.begin(key)
  t.equal(deadlines.end('a'), true)
  t.equal(deadlines.end('a'), false, 'and ends once')
  clock.advance(lengthMs)
  t.strictSame(passed, ['b'])
  t.equal(deadlines.end('b'), false, 'one that has passed has no end')
})

t.test('deadlines: after closing the timer ends with the last one', async (t) => {
  const { clock, passed, deadlines } = start()
  deadlines.begin('a')
  deadlines.end('a')
  t.equal(clock.pending, 1, 'the timer waits for others before')
  for (const key of ['b', 'c']) deadlines.begin(key)
  deadlines.close()
  t.equal(clock.pending, 1)
  deadlines.end('b')
  t.equal(clock.pending, 1)
  deadlines.end('c')
  t.equal(clock.pending, 0)
  deadlines.begin('d')
  clock.advance(lengthMs)
  t.strictSame(passed, ['d'], 'one that begins later passes')
})
