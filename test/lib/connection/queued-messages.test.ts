import t from 'tap'
import { QueuedMessages } from '../../../lib/connection/queued-messages.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'

const [one, other] = [encodeEnvelope({ type: 'one' }), encodeEnvelope({ type: 'other' })]
const log = { resync: () => undefined }

t.test('who adds the same frames in the same order has the same batch, and one piece of bytes', async (t) => {
  const batch = QueuedMessages.empty.with(one).with(other, 'ann', log)
  t.equal(QueuedMessages.empty.with(one).with(other, 'ann', log), batch)
  t.equal(QueuedMessages.empty.with(one).with(other, 'ann', log).webSocketFrames, batch.webSocketFrames)
  t.strictSame(batch.messages, [one, other])
  t.equal(batch.bytes, one.length + other.length)
  t.equal(batch.longest, other.length)
  t.equal(batch.with(one).longest, other.length)
})

t.test('whatever differs makes another one', async (t) => {
  const batch = QueuedMessages.empty.with(one, 'ann', log)
  for (const [differs, another] of Object.entries({
    frame: () => QueuedMessages.empty.with(encodeEnvelope({ type: 'one' }), 'ann', log),
    key: () => QueuedMessages.empty.with(one, 'bob', log),
    stream: () => QueuedMessages.empty.with(one, 'ann', { ...log }),
    length: () => batch.with(one, 'ann', log)
  })) t.not(another(), batch, differs)
})

t.test('a batch is never changed by what is added to it or taken out', async (t) => {
  const batch = QueuedMessages.empty.with(one).with(other, 'ann')
  const longer = batch.with(one)
  const shorter = longer.without(({ key }) => key === 'ann')
  t.strictSame(
    [batch.messages, longer.messages, shorter.messages, shorter.bytes],
    [[one, other], [one, other, one], [one, one], 2 * one.length]
  )
  t.equal(longer.without(() => false), longer)
  t.equal(longer.without(() => true), QueuedMessages.empty)
  t.strictSame(QueuedMessages.empty.messages, [])
})
