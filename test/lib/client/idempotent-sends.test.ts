import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { FakeWebSocket } from '../../../lib/testing/fake-web-socket.ts'
import { at, joinDoc, typesOf } from '../../support/doc-client.ts'

const edits = (socket: FakeWebSocket) => socket.sent.filter(({ type }) => type === 'edit')
const texts = (socket: FakeWebSocket) => edits(socket).map(({ payload }) => (payload as { text: string }).text)
const answer = (socket: FakeWebSocket, i: number, payload?: unknown, type = 'ack') =>
  socket.say({ ...edits(socket)[i]!, type, payload })
const refused = (code: string, more: object = {}) => ({ code, message: code, ...more })

const failing = (sending: Promise<unknown>) => sending.then(() => 'sent', ({ code }: { code: string }) => code)

t.test('idempotent messages: a send', async (t) => {
  t.test('has a random id', async (t) => {
    const { doc, socket } = await joinDoc()
    const sending = doc.send('edit', { text: 'a' })
    const other = doc.send('edit', { text: 'a' })
    const [one, two] = edits(socket)
    t.match(one, { type: 'edit', channel: 'doc/1', payload: { text: 'a' }, correlationId: /^[0-9a-z]{1,7}(-[0-9a-z]{1,7}){3}$/ })
    t.not(one?.correlationId, two?.correlationId)
    answer(socket, 0, 1)
    answer(socket, 1, 2)
    t.strictSame(await Promise.all([sending, other]), [1, 2])
  })

  t.test('has a random id where there is no crypto, as in React Native', async (t) => {
    const { doc, socket, client } = await joinDoc()
    const crypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto') as PropertyDescriptor
    Reflect.deleteProperty(globalThis, 'crypto')
    t.teardown(() => Object.defineProperty(globalThis, 'crypto', crypto))
    const sends = ['a', 'a'].map((text) => failing(doc.send('edit', { text })))
    const [one, two] = edits(socket).map(({ correlationId }) => correlationId)
    t.match(one, /^[0-9a-z]{1,7}(-[0-9a-z]{1,7}){3}$/)
    t.not(one, two)
    client.close()
    await Promise.all(sends)
  })

  t.test('is sent again under the same id on the next connection, with the same bytes', async (t) => {
    const { doc, socket, reconnect } = await joinDoc()
    const payload = { text: 'a' }
    const sending = doc.send('edit', payload)
    payload.text = 'changed since'
    const next = await reconnect()
    t.strictSame(typesOf(next), ['join'], 'not before the channel is joined')
    next.ack('join', { idempotent: ['edit'] })
    t.strictSame(edits(next), edits(socket))
    answer(next, 0, 7)
    t.equal(await sending, 7)
    const third = await reconnect()
    third.ack('join', { idempotent: ['edit'] })
    t.strictSame(edits(third), [], 'answered is done')
  })

  t.test('waits until the channel is joined; a lost message is sent first', async (t) => {
    const { doc, network, clock, open } = await joinDoc()
    const sends = [doc.send('edit', { text: 'lost' })]
    network.last.end(1006)
    sends.push(doc.send('edit', { text: 'away' }), doc.send('edit', { text: 'away too' }))
    clock.advance(500)
    const next = await open()
    sends.push(doc.send('edit', { text: 'recovering' }))
    t.strictSame(texts(next), [])
    next.ack('join', { idempotent: ['edit'] })
    sends.push(doc.send('edit', { text: 'back' }))
    t.strictSame(texts(next), ['lost', 'away', 'away too', 'recovering', 'back'])
    for (const i of sends.keys()) answer(next, i, i)
    t.strictSame(await Promise.all(sends), [0, 1, 2, 3, 4])
  })

  t.test('a message that is not idempotent fails with disconnected', async (t) => {
    const { doc, network } = await joinDoc()
    network.last.end(1006)
    await t.rejects(doc.send('look'), { code: 'disconnected' })
  })

  t.test('at most 100 messages wait', async (t) => {
    const { doc, network, reconnect } = await joinDoc()
    network.last.end(1006)
    const sends = Array.from({ length: 100 }, (_, i) => failing(doc.send('edit', { text: String(i) })))
    await t.rejects(
      doc.send('edit', { text: 'one more' }), { code: 'too_many_pending', type: 'edit', channel: 'doc/1' }
    )
    const next = await reconnect()
    next.ack('join', { idempotent: ['edit'] })
    t.equal(texts(next).length, 100)
    t.equal(texts(next).at(-1), '99')
    for (const i of sends.keys()) answer(next, i)
    t.strictSame(new Set(await Promise.all(sends)), new Set(['sent']))
  })

  t.test('as many messages wait as the option pending allows; pending ones do not count', async (t) => {
    const { doc, network } = await joinDoc(undefined, { pending: 1 })
    const sends = [failing(doc.send('edit', { text: 'a' })), failing(doc.send('edit', { text: 'b' }))]
    t.equal(texts(network.last).length, 2)
    network.last.end(1006)
    t.equal(await failing(doc.send('edit', { text: 'c' })), 'too_many_pending')
    await doc.leave()
    t.strictSame(await Promise.all(sends), ['unknown_outcome', 'unknown_outcome'])
  })

  t.test('a payload that is no JSON is refused', async (t) => {
    const { doc, socket } = await joinDoc()
    await t.rejects(doc.send('edit', { text: 1n as never }), { code: 'invalid_payload' })
    t.strictSame(edits(socket), [])
  })

  t.test('a declared error settles the send', async (t) => {
    const { doc, socket } = await joinDoc()
    const sent = doc.trySend('edit', { text: 'a' })
    answer(socket, 0, refused('locked', { details: {} }), 'error')
    const result = await sent
    t.ok(!result.ok && doc.isError(result.error, 'edit', 'locked'))
  })
})

t.test('idempotent messages: a temporary failure', async (t) => {
  for (const code of ['unavailable', 'timeout', 'in_flight']) {
    t.test(`${code}: sent again under the same id, with the waits of a reconnect`, async (t) => {
      const { doc, socket, clock } = await joinDoc()
      const sending = doc.send('edit', { text: 'a' })
      for (const wait of [500, 1000, 2000]) {
        socket.refuse('edit', refused(code))
        clock.advance(wait - 1)
        const { length } = edits(socket)
        clock.advance(1)
        t.equal(edits(socket).length, length + 1, `after ${wait} ms`)
      }
      t.equal(new Set(edits(socket).map(({ correlationId }) => correlationId)).size, 1)
      socket.ack('edit', 7)
      t.equal(await sending, 7)
      const next = doc.send('edit', { text: 'b' })
      socket.refuse('edit', refused(code))
      clock.advance(500)
      t.equal(
        texts(socket).filter((text) => text === 'b').length, 2, 'an answer makes the failures before it forgotten'
      )
      socket.ack('edit', 8)
      t.equal(await next, 8)
    })
  }

  t.test('newer messages are sent after the failed one', async (t) => {
    const { doc, socket, clock } = await joinDoc()
    const sends = ['a', 'b'].map((text) => doc.send('edit', { text }))
    answer(socket, 0, refused('unavailable'), 'error')
    sends.push(doc.send('edit', { text: 'c' }))
    answer(socket, 1, 2)
    t.strictSame(texts(socket), ['a', 'b'])
    clock.advance(500)
    t.strictSame(texts(socket), ['a', 'b', 'a', 'c'])
    answer(socket, 2, 1)
    answer(socket, 3, 3)
    t.strictSame(await Promise.all(sends), [1, 2, 3])
  })

  t.test('the connection is lost during the wait: sent again after the join', async (t) => {
    const { doc, socket, clock, open } = await joinDoc()
    const sending = doc.send('edit', { text: 'a' })
    socket.refuse('edit', refused('unavailable'))
    socket.end(1006)
    clock.advance(500)
    const next = await open()
    t.strictSame(typesOf(next), ['join'])
    next.ack('join', { idempotent: ['edit'] })
    t.strictSame(texts(next), ['a'])
    clock.advance(1000)
    t.strictSame(texts(next), ['a'])
    next.ack('edit', 1)
    t.equal(await sending, 1)
  })

  t.test('a join resets the wait', async (t) => {
    const { doc, socket, clock, reconnect } = await joinDoc()
    const sending = doc.send('edit', { text: 'a' })
    for (const wait of [500, 1000]) {
      socket.refuse('edit', refused('unavailable'))
      clock.advance(wait)
    }
    const next = await reconnect()
    next.ack('join', { idempotent: ['edit'] })
    next.refuse('edit', refused('unavailable'))
    clock.advance(500)
    t.strictSame(texts(next), ['a', 'a'])
    next.ack('edit', 1)
    t.equal(await sending, 1)
  })

  t.test('20 messages that fail together are one failure, and the longest retryAfter counts', async (t) => {
    const { doc, socket, clock } = await joinDoc()
    const sends = Array.from({ length: 20 }, (_, i) => doc.send('edit', { text: `${i}` }))
    const asked = socket.sent.filter(({ type }) => type === 'edit')
    for (const [i, { channel, correlationId }] of asked.entries()) {
      const payload = refused('unavailable', i === 8 ? {} : { retryAfter: i === 7 ? 900 : 100 })
      socket.say({ type: 'error', channel, correlationId, payload })
    }
    clock.advance(899)
    t.equal(texts(socket).length, 20)
    clock.advance(1)
    t.equal(texts(socket).length, 40, 'all are sent again after 900 ms')
    for (const { channel, correlationId } of asked) socket.say({ type: 'ack', channel, correlationId, payload: 1 })
    await Promise.all(sends)
  })

  t.test('rate_limited for a repeated message: sent again', async (t) => {
    const { doc, socket, clock } = await joinDoc()
    const sending = doc.send('edit', { text: 'a' })
    socket.refuse('edit', refused('unavailable'))
    clock.advance(500)
    socket.refuse('edit', refused('rate_limited', { retryAfter: 100 }))
    clock.advance(1000)
    t.strictSame(texts(socket), ['a', 'a', 'a'])
    socket.ack('edit', 1)
    t.equal(await sending, 1)
  })

  t.test('rate_limited for a first attempt: rejected', async (t) => {
    const { doc, socket } = await joinDoc()
    const sending = doc.send('edit', { text: 'a' })
    socket.refuse('edit', refused('rate_limited', { retryAfter: 800 }))
    await t.rejects(sending, { code: 'rate_limited', retryAfter: 800 })
  })

  t.test('rate_limited for a message that had to wait: sent again after retryAfter', async (t) => {
    const { doc, network, clock, reconnect } = await joinDoc()
    network.last.end(1006)
    const sending = doc.send('edit', { text: 'a' })
    const next = await reconnect()
    next.ack('join', { idempotent: ['edit'] })
    next.refuse('edit', refused('rate_limited', { retryAfter: 800 }))
    clock.advance(799)
    t.strictSame(texts(next), ['a'])
    clock.advance(1)
    t.strictSame(texts(next), ['a', 'a'])
    next.ack('edit', 1)
    t.equal(await sending, 1)
  })
})

t.test('idempotent messages: the time limit', async (t) => {
  t.test('90 s after the call a send fails with unknown_outcome', async (t) => {
    const { doc, socket, clock } = await joinDoc()
    const sending = failing(doc.send('edit', { text: 'a' }))
    let settled = false
    sending.then(() => { settled = true })
    socket.end(1006)
    clock.advance(89_999)
    await setImmediate()
    t.equal(settled, false)
    clock.advance(1)
    t.equal(await sending, 'unknown_outcome')
  })

  t.test('a reply after the limit is ignored, and newer messages are sent', async (t) => {
    const { doc, socket, clock } = await joinDoc(undefined, { timeout: 200_000 })
    const sends = ['a', 'b'].map((text) => failing(doc.send('edit', { text })))
    for (let seconds = 0; seconds < 90; seconds += 18) {
      clock.advance(18_000)
      socket.say({ type: 'moved' })
    }
    t.strictSame(await Promise.all(sends), ['unknown_outcome', 'unknown_outcome'])
    answer(socket, 0, 1)
    answer(socket, 1, refused('unavailable'), 'error')
    const next = doc.send('edit', { text: 'c' })
    t.strictSame(texts(socket), ['a', 'b', 'c'])
    answer(socket, 2, 3)
    t.equal(await next, 3)
  })

  t.test('a message that could not be sent within 90 s fails with disconnected', async (t) => {
    const { doc, network, clock } = await joinDoc()
    network.last.end(1006)
    const sending = doc.send('edit', { text: 'a' })
    const rejected = t.rejects(sending, { code: 'disconnected', message: /not sent/ })
    clock.advance(90_000)
    await rejected
  })

  t.test('the 90 s start with the call, also where the message waits', async (t) => {
    const { doc, network, clock, open } = await joinDoc()
    network.last.end(1006)
    const sending = failing(doc.send('edit', { text: 'a' }))
    clock.advance(500)
    const next = await open()
    for (let i = 0; i < 4; i++) {
      clock.advance(20_000)
      next.say({ type: 'moved' })
    }
    next.ack('join', { idempotent: ['edit'] })
    t.strictSame(texts(next), ['a'])
    clock.advance(9_500)
    t.equal(await sending, 'unknown_outcome')
  })
})

t.test('idempotent messages: the end of the channel', async (t) => {
  t.test('rejects waiting messages with unknown_outcome or not_joined', async (t) => {
    const { doc, network } = await joinDoc()
    const sends = [failing(doc.send('edit', { text: 'tried' }))]
    network.last.end(1006)
    sends.push(failing(doc.send('edit', { text: 'never left' })))
    doc.leave()
    t.strictSame(await Promise.all(sends), ['unknown_outcome', 'not_joined'])
    t.equal(await failing(doc.send('edit', { text: 'late' })), 'not_joined')
  })

  t.test('a pending message may still be answered', async (t) => {
    const { doc, socket } = await joinDoc()
    const sends = ['a', 'b'].map((text) => failing(doc.send('edit', { text })))
    doc.leave()
    answer(socket, 0, 1)
    answer(socket, 1, refused('unavailable'), 'error')
    t.strictSame(await Promise.all(sends), ['sent', 'unavailable'], 'but not tried again')
  })

  t.test('a refused join rejects waiting messages with not_joined', async (t) => {
    const { doc, network, reconnect } = await joinDoc()
    network.last.end(1006)
    const sending = failing(doc.send('edit', { text: 'a' }))
    const next = await reconnect()
    next.refuse('join', refused('forbidden'))
    t.equal(await sending, 'not_joined')
  })

  t.test('a closed client rejects waiting messages and has no timer left', async (t) => {
    const { doc, client, socket, clock } = await joinDoc()
    const waiting = failing(doc.send('edit', { text: 'waits' }))
    socket.refuse('edit', refused('unavailable'))
    const fresh = failing(doc.send('edit', { text: 'never left' }))
    client.close()
    t.strictSame(await Promise.all([waiting, fresh]), ['closed', 'closed'])
    t.equal(await failing(doc.send('edit', { text: 'late' })), 'closed')
    t.equal(clock.pending, 0)
  })

  t.test('a closed client rejects a pending message with closed', async (t) => {
    const { doc, client, clock } = await joinDoc()
    const sending = failing(doc.send('edit', { text: 'a' }))
    client.close()
    t.equal(await sending, 'closed')
    t.equal(clock.pending, 0)
  })
})

const step = fc.constantFrom('send', 'send', 'ack', 'refuse', 'lose', 'reconnect', 'wait')

t.test('idempotent messages: each has one effect, in the order of the calls, whatever fails', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const { doc, client, network, clock, open } = await joinDoc(undefined, { random: () => 0 })
    const effects: unknown[] = []
    const results: Array<Promise<unknown>> = []
    let handled = 0
    let isLost = false
    /** The server handles the next message of the connection. It has an effect, also where the reply is an error. */
    const handle = (type: 'ack' | 'error') => {
      const message = edits(network.last)[handled]
      if (!message || isLost) return
      const text = texts(network.last)[handled++]
      if (!effects.includes(text)) effects.push(text)
      network.last.say({ ...message, type, payload: type === 'ack' ? text : refused('unavailable') })
    }
    const lose = () => {
      if (!isLost) network.last.end(1006)
      isLost = true
    }
    const reconnect = async () => {
      if (!isLost) return
      isLost = false
      handled = 0
      clock.advance(0)
      const socket = await open()
      socket.ack('join', { ...at(0), recovered: true, messages: [], idempotent: ['edit'] })
    }
    for (const name of steps) {
      if (name === 'send') results.push(doc.send('edit', { text: `${results.length}` }))
      if (name === 'ack') handle('ack')
      if (name === 'refuse') handle('error')
      if (name === 'lose') lose()
      if (name === 'reconnect') await reconnect()
      if (name === 'wait') clock.advance(500)
    }
    lose()
    await reconnect()
    for (let i = 0; i < results.length; i++) handle('ack')
    const expected = results.map((_, i) => `${i}`)
    const replies = await Promise.all(results)
    client.close()
    if (String(replies) !== String(expected)) throw new Error(`replies: ${replies}`)
    if (String(effects) !== String(expected)) throw new Error(`effects: ${effects}`)
  }), { numRuns: 100 })
  t.pass('100 sequences of sends, replies, refusals and lost connections')
})
