import type { Socket } from 'node:net'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter } from '../../lib/memory/memory-adapter.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const doc = defineChannel({
  pattern: 'doc/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {},
  fromServer: { written: { payload: Type.String() } },
  presence: Type.Object({}),
  history: { limit: 100, ttl: 60_000, initial: 100 }
})

const ids = Array.from({ length: 12 }, (_, i) => String(i))

/** A server with 12 channels, each with a history of 400 KB. No write to the client ends while its socket is corked. */
async function serveDocs (t: Test, options: ChannelsOptions = {}) {
  const { app, sink } = await makeApp(t, options)
  const sockets: Socket[] = []
  app.server.on('connection', (socket: Socket) => sockets.push(socket))
  app.ws('/ws', {}, [implement(doc, { authorize: async () => true, presence: () => ({}), on: {} })])
  const served = await listen(app, sink)
  for (const id of ids) {
    for (let i = 0; i < 8; i++) await app.rooms.of(doc, { id }).broadcast('written', 'x'.repeat(50_000))
  }
  const client = await TestClient.connect(`${served.url}/ws`, [], bearer(served.token('ann')))
  const [socket] = sockets as [Socket]
  return { ...served, client, socket, joinAll: () => Promise.all(ids.map((id) => client.request('join', `doc/${id}`))) }
}

t.test('join: a client that joins many channels with large histories at once is not closed', async (t) => {
  const { joinAll, client } = await serveDocs(t)
  const acks = await joinAll()
  t.strictSame(acks.map(({ payload }) => (payload as { messages: unknown[] }).messages.length), ids.map(() => 8))
  t.match(await client.request('ping'), { type: 'ack' })
})

t.test('join: a client that does not read gets one large ack after another when it reads again', async (t) => {
  const { app, joinAll, client, socket, logged } = await serveDocs(t)
  socket.cork()
  const joining = joinAll()
  await until(() => app.rooms.size === ids.length)
  socket.uncork()
  t.ok((await joining).every(({ type }) => type === 'ack'))
  t.notOk(await Promise.race([logged('the client reads too slowly'), client.request('ping').then(() => undefined)]))
})

t.test('join: a repeated one waits for a large ack before it, and gets not_joined when it was removed', async (t) => {
  const { app, joinAll, client, socket } = await serveDocs(t)
  await joinAll()
  const again = () => ids.map((id) => client.request('join', `doc/${id}`, { again: true }))
  for (const ack of await Promise.all(again())) t.equal((ack.payload as { messages: unknown[] }).messages.length, 8)
  socket.cork()
  const replies = again()
  await until(() => app.registry.ofUser('id-of-ann')[0]?.messagesIn === ids.length * 3)
  for (const id of ids) await app.rooms.of(doc, { id }).remove({ userId: 'id-of-ann' })
  socket.uncork()
  const codes = (await Promise.all(replies)).map(({ payload }) => (payload as { code?: string }).code)
  const refused = codes.filter((code) => code === 'not_joined')
  t.equal(refused.length, ids.length - 3, 'two were being written, and one waited')
  t.match(await client.request('ping'), { type: 'ack' })
})

t.test('join: one that waits for a large ack before it leaves nothing when the connection is lost', async (t) => {
  const { app, joinAll, client, socket } = await serveDocs(t)
  socket.cork()
  joinAll().catch(() => {})
  await until(() => app.rooms.size === ids.length)
  client.terminate()
  await until(() => app.rooms.size === 0)
  for (const id of ids) t.equal(await app.rooms.of(doc, { id }).count(), 0, 'no user is present')
})

/** Counts the pages that are read. */
function countingAdapter () {
  const adapter = new MemoryAdapter()
  const reads = { count: 0 }
  const { readBefore } = adapter.history
  adapter.history.readBefore = (...args) => {
    reads.count++
    return readBefore.apply(adapter.history, args)
  }
  return { adapter, reads }
}

/** Asks for a page of each channel, and resolves once the server has all of the requests and reads no further page. */
async function askAll ({ app, client }: Awaited<ReturnType<typeof serveDocs>>, reads: { readonly count: number }) {
  const { messagesIn = 0 } = app.registry.ofUser('id-of-ann')[0] ?? {}
  const asked = ids.map((id) => client.request('history', `doc/${id}`))
  await until(() => app.registry.ofUser('id-of-ann')[0]?.messagesIn === messagesIn + ids.length)
  for (let quiet = 0, before = reads.count; quiet < 20; quiet++) {
    await nextIteration()
    if (reads.count > before) quiet = 0
    before = reads.count
  }
  return asked
}

t.test('history: for a client that does not read the node holds a few pages, however many it asks for', async (t) => {
  const { adapter, reads } = countingAdapter()
  const served = await serveDocs(t, { adapter })
  const { app, joinAll, client, socket, logged } = served
  await joinAll()
  socket.cork()
  const asked = await askAll(served, reads)
  t.ok(reads.count <= 5, `half of the send queue, one that waits, and one that is written: ${reads.count} were read`)
  for (const id of ids.slice(6)) await app.rooms.of(doc, { id }).remove({ userId: 'id-of-ann' })
  socket.uncork()
  const replies = (await Promise.all(asked)).map(({ payload }) => payload as { messages?: unknown[], code?: string })
  t.strictSame(replies.slice(0, 6).map(({ messages }) => messages?.length), [5, 5, 5, 5, 5, 5], 'pages of 256 KiB')
  t.strictSame(replies.slice(6).map(({ code }) => code), Array(6).fill('not_joined'), 'the membership ended meanwhile')
  t.notOk(await Promise.race([logged('the client reads too slowly'), client.request('ping').then(() => undefined)]))
})

t.test('history: a page that the client cannot take in time is not read', async (t) => {
  const { adapter, reads } = countingAdapter()
  const clock = new FakeClock(Date.now())
  const served = await serveDocs(t, { adapter, clock, handlerTimeout: 5_000 })
  await served.joinAll()
  served.socket.cork()
  const asked = await askAll(served, reads)
  const { count } = reads
  clock.advance(5_000)
  served.socket.uncork()
  const types = (await Promise.all(asked)).map(({ type }) => type)
  t.strictSame(types, ids.map((_, i) => i < count ? 'ack' : 'error'))
  await served.client.request('ping')
  t.equal(reads.count, count)
})
