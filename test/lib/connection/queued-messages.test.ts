import t from 'tap'
import { QueuedMessages } from '../../../lib/connection/sending/queued-messages.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'

const [one, other] = [encodeEnvelope({ type: 'one' }), encodeEnvelope({ type: 'other' })]

t.test('queued messages: the same messages in the same order are one object with one buffer', async (t) => {
  const queued = QueuedMessages.empty.with(one).with(other)
  t.equal(QueuedMessages.empty.with(one).with(other), queued)
  t.equal(QueuedMessages.empty.with(one).with(other).webSocketFrames, queued.webSocketFrames)
  t.strictSame(queued.messages, [one, other])
  t.match(queued, { bytes: one.length + other.length, longest: other.length })
  t.equal(queued.with(one).longest, other.length)
})

t.test('queued messages: another message or length makes another object and changes none', async (t) => {
  const queued = QueuedMessages.empty.with(one)
  t.not(QueuedMessages.empty.with(encodeEnvelope({ type: 'one' })), queued)
  t.not(queued.with(one), queued)
  t.strictSame([queued.with(one).messages, queued.messages], [[one, one], [one]])
  t.strictSame(QueuedMessages.empty.messages, [])
})
