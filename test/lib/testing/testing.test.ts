import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'

t.test('TestClient: next() with two types takes one message and leaves the following one in the queue', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const client = await TestClient.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => client.terminate())
  const [webSocket] = await connected
  const first = client.next('message.posted', 'resync')
  webSocket.send('{"type":"resync"}')
  t.equal((await first).type, 'resync')
  webSocket.send('{"type":"message.posted"}')
  t.equal((await client.next('message.posted', 'resync')).type, 'message.posted')
  webSocket.send('{"type":"other"}')
  t.equal((await client.next('other')).type, 'other')
  t.equal(client.log.length, 3, 'the log keeps messages that were taken')
})

t.test('FakeClock: it does not go back, and does not lose its time', async (t) => {
  const clock = new FakeClock(1_000)
  for (const ms of [-50, NaN, Infinity, '5' as never]) {
    t.throws(() => clock.advance(ms), RangeError, `advance(${ms})`)
    await t.rejects(clock.advanceAsync(ms), RangeError, `advanceAsync(${ms})`)
  }
  t.throws(() => new FakeClock(NaN), RangeError)
  t.equal(clock.now(), 1_000)
  const calls: number[] = []
  for (const ms of [-50, NaN]) clock.setTimeout(() => calls.push(clock.now()), ms)
  clock.advance(0)
  t.strictSame(calls, [1_000, 1_000], 'a timer is not due in the past')
})

t.test('FakeClock: calls at the same time move the clock by their sum', async (t) => {
  const clock = new FakeClock()
  const calls: number[] = []
  for (const ms of [3, 8, 12]) clock.setTimeout(() => calls.push(clock.now()), ms)
  const moves = [clock.advanceAsync(5), clock.advanceAsync(5)]
  await moves[0]
  t.equal(clock.now(), 5)
  await moves[1]
  t.equal(clock.now(), 10)
  clock.setTimeout(() => clock.advance(10), 1)
  clock.advance(3)
  t.equal(clock.now(), 23, 'in a timer')
  const moving = clock.advanceAsync(10)
  await Promise.resolve()
  clock.advance(7)
  await moving
  t.equal(clock.now(), 40, 'during advanceAsync')
  clock.setTimeout(() => { throw new Error('a timer') }, 5)
  const failing = t.rejects(clock.advanceAsync(9), /a timer/)
  await clock.advanceAsync(5)
  await failing
  t.equal(clock.now(), 50, 'after a timer that throws')
  t.strictSame(calls, [3, 8, 12])
})

t.test('FakeClock: timers of 0 ms that set each other do not run for ever', async (t) => {
  const clock = new FakeClock()
  const calls: number[] = []
  const again = () => {
    if (calls.push(clock.now()) === 30_000) throw new Error('the test ends the loop')
    clock.setTimeout(again, 0)
  }
  clock.setTimeout(again, 5)
  t.throws(() => clock.advance(10), /timers of 0 ms set each other without end at 5: give them a duration/)
  t.equal(clock.now(), 5)
  const others = new FakeClock()
  for (let i = 0; i < 100; i++) others.setTimeout(() => others.setTimeout(() => calls.push(i), 0), 0)
  others.advance(1)
  t.equal(calls.at(-1), 99, 'a timer of 0 ms runs')
})
