import t from 'tap'
import { QueuedMessages } from '../../../lib/connection/queued-messages.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'

const [one, other] = [encodeEnvelope({ type: 'one' }), encodeEnvelope({ type: 'other' })]
const source = { resync: () => undefined }

t.test('who adds the same frames in the same order has the same queued, and one piece of bytes', async (t) => {
  const queued = QueuedMessages.empty.with(one).with(other, 'ann', source)
  t.equal(QueuedMessages.empty.with(one).with(other, 'ann', source), queued)
  t.equal(QueuedMessages.empty.with(one).with(other, 'ann', source).webSocketFrames, queued.webSocketFrames)
  t.strictSame(queued.messages, [one, other])
  t.equal(queued.bytes, one.length + other.length)
  t.equal(queued.longest, other.length)
  t.equal(queued.with(one).longest, other.length)
})

t.test('queued messages: another message, key, source or length makes another object', async (t) => {
  const queued = QueuedMessages.empty.with(one, 'ann', source)
  for (const [differs, another] of Object.entries({
    message: () => QueuedMessages.empty.with(encodeEnvelope({ type: 'one' }), 'ann', source),
    key: () => QueuedMessages.empty.with(one, 'bob', source),
    source: () => QueuedMessages.empty.with(one, 'ann', { ...source }),
    length: () => queued.with(one, 'ann', source)
  })) t.not(another(), queued, `another ${differs} makes another object`)
})

t.test('queued messages: adding and removing messages returns a new object and changes none', async (t) => {
  const queued = QueuedMessages.empty.with(one).with(other, 'ann')
  const longer = queued.with(one)
  const shorter = longer.without(({ key }) => key === 'ann')
  t.strictSame(
    [queued.messages, longer.messages, shorter.messages, shorter.bytes],
    [[one, other], [one, other, one], [one, one], 2 * one.length]
  )
  t.equal(longer.without(() => false), longer)
  t.equal(longer.without(() => true), QueuedMessages.empty)
  t.strictSame(QueuedMessages.empty.messages, [])
})
