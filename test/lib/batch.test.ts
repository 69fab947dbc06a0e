import t from 'tap'
import { Batch } from '../../lib/connection/batch.ts'
import { frame } from '../../lib/protocol/frame.ts'

const [one, other] = [frame({ type: 'one' }), frame({ type: 'other' })]
const log = { resync: () => undefined }

t.test('who adds the same frames in the same order has the same batch, and one piece of bytes', async (t) => {
  const batch = Batch.empty.with(one).with(other, 'ann', log)
  t.equal(Batch.empty.with(one).with(other, 'ann', log), batch)
  t.equal(Batch.empty.with(one).with(other, 'ann', log).piece, batch.piece)
  t.strictSame(batch.frames, [one, other])
  t.equal(batch.bytes, one.length + other.length)
  t.equal(batch.longest, other.length)
  t.equal(batch.with(one).longest, other.length)
})

t.test('whatever differs makes another one', async (t) => {
  const batch = Batch.empty.with(one, 'ann', log)
  for (const [differs, another] of Object.entries({
    frame: () => Batch.empty.with(frame({ type: 'one' }), 'ann', log),
    key: () => Batch.empty.with(one, 'bob', log),
    stream: () => Batch.empty.with(one, 'ann', { ...log }),
    length: () => batch.with(one, 'ann', log)
  })) t.not(another(), batch, differs)
})

t.test('a batch is never changed by what is added to it or taken out', async (t) => {
  const batch = Batch.empty.with(one).with(other, 'ann')
  const longer = batch.with(one)
  const shorter = longer.without(({ key }) => key === 'ann')
  t.strictSame([batch.frames, longer.frames, shorter.frames, shorter.bytes], [[one, other], [one, other, one], [one, one], 2 * one.length])
  t.equal(longer.without(() => false), longer)
  t.equal(longer.without(() => true), Batch.empty)
  t.strictSame(Batch.empty.frames, [])
})
