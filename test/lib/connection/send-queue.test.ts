import type { Socket } from 'node:net'
import t from 'tap'
import { Flusher } from '../../../lib/connection/sending/flusher.ts'
import { SendQueue } from '../../../lib/connection/sending/send-queue.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'
import { FakeSocket } from '../../../lib/testing/fake-socket.ts'

const hello = encodeEnvelope({ type: 'hello' })
const frameBytes = hello.length + 2

/** A queue on a socket that finishes a write at once unless `isSlow` says so, and the writes that it gets. */
function open () {
  const flushes: Array<() => void> = []
  const writes: Array<{ readonly bytes: number, readonly written: (() => void) | undefined }> = []
  const socket = Object.assign(new FakeSocket(), { _sender: { _state: 0, _firstFragment: true, _queue: [] } })
  const state = { isSlow: false, writableLength: 0 }
  const transport = {
    get writableLength () { return state.writableLength },
    write ({ length }: Buffer, written?: () => void) {
      if (state.isSlow) state.writableLength += length
      writes.push({ bytes: length, written })
    }
  } as unknown as Socket
  const recipient = { id: 'c', countSent: () => true }
  const queue = new SendQueue(socket.webSocket, transport, new Flusher((fn) => flushes.push(fn)), 1_000, recipient)
  const flush = () => { for (const fn of flushes.splice(0)) fn() }
  const send = () => {
    queue.push(hello)
    flush()
  }
  const shape = () => writes.map(({ bytes, written }) => [bytes, written !== undefined])
  return { queue, state, writes, flush, send, shape }
}

t.test('send queue: a write that is finished at once needs no callback', async (t) => {
  const { queue, send, shape } = open()
  send()
  send()
  t.strictSame(shape(), [[frameBytes, false], [frameBytes, false]])
  t.equal(queue.size, 0)
})

t.test('send queue: the end of one that is not finished is heard, and from then on all have a callback', async (t) => {
  const { queue, state, writes, send, shape } = open()
  state.isSlow = true
  send()
  send()
  t.strictSame(shape(), [[frameBytes, false], [0, true]], 'the second message waits')
  t.equal(queue.size, 2 * hello.length)
  Object.assign(state, { isSlow: false, writableLength: 0 })
  writes.at(-1)?.written?.()
  t.strictSame(shape().slice(2), [[frameBytes, true]])
  writes.at(-1)?.written?.()
  t.equal(queue.size, 0)
})

t.test('send queue: what others have written to a corked socket makes it no slow one', async (t) => {
  const { state, writes, send, shape } = open()
  state.writableLength = 100
  send()
  state.writableLength = 0
  writes.at(-1)?.written?.()
  send()
  t.strictSame(shape(), [[frameBytes, true], [frameBytes, false]])
})

t.test('send queue: each recovery that is made when it can be written follows the one before', async (t) => {
  const { queue, writes, flush, shape } = open()
  for (const type of ['a', 'bb']) queue.resync({ resync: () => encodeEnvelope({ type }) }, 'slow')
  flush()
  t.equal(writes.length, 1)
  writes.at(-1)?.written?.()
  writes.at(-1)?.written?.()
  t.strictSame(shape().map(([, written]) => written), [true, true])
})

t.test('send queue: messages of a history wait for its resync alone', async (t) => {
  const { queue, flush, writes } = open()
  const source = { resync: () => encodeEnvelope({ type: 'resync' }) }
  queue.sendPages({ nextPage: () => undefined })
  queue.push(hello, undefined, source)
  flush()
  t.equal(writes.length, 1, 'no resync waits')
  writes[0]?.written?.()
  queue.resync(source, 'slow')
  queue.push(hello, undefined, source)
  flush()
  t.strictSame(writes.map(({ bytes }) => bytes), [frameBytes, encodeEnvelope({ type: 'resync' }).length + 2])
})
