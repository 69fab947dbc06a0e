import { promisify } from 'node:util'
import { deflateRawSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { WsOptions, ChannelsOptions, ConnectionContext } from '../../plugins/channels.ts'
import { implementLab, implementOwn, LabJournal, own } from '../support/lab.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'

/** The lab on a route with options. */
async function serve (t: Test, route: WsOptions, options: ChannelsOptions = {}, journal = new LabJournal()) {
  const { app, sink } = await makeApp(t, options)
  app.ws('/lab', route, [implementLab(journal), implementOwn()])
  app.ws('/other', {}, [implementOwn()])
  const served = await listen(app, sink)
  const connect = (name = 'ann', path = '/lab') =>
    TestClient.connect(served.url + path, [], bearer(served.token(name)))
  return { ...served, journal, connect }
}

t.test('connected: it runs once for each connection, and its messages wait for it', async (t) => {
  const journal = new LabJournal()
  const { connect } = await serve(t, {
    locals: () => 'from the request',
    connected: async (ctx) => {
      journal.add(`connected ${ctx.connection.userId} ${ctx.user.name} ${String(ctx.locals)}`)
      ctx.state.name = ctx.user.name
      await journal.door('connect').promise
      ctx.log.info({}, 'connected')
      journal.add('done')
      ctx.send(own, 'greeting', { text: 'hello' })
    }
  }, {}, journal)
  const ann = await connect()
  await journal.seen('connected id-of-ann ann from the request')
  const replies = Promise.all([ann.request('join', 'lab/a'), ann.request('whoami')])
  await ann.request('ping')
  t.strictSame(ann.log.map(({ type }) => type), ['ack'], 'only the ping, which no handler sees, is answered')
  journal.door('connect').resolve()
  t.match(await replies, [{ type: 'ack' }, { payload: { user: 'id-of-ann' } }])
  t.equal(ann.log[1]?.type, 'greeting')
  t.strictSame(journal.events, ['connected id-of-ann ann from the request', 'done', 'joined a'])
})

t.test('connected: its failure closes the connection with 1011, and `disconnected` runs nevertheless', async (t) => {
  const clock = new FakeClock()
  const journal = new LabJournal()
  const { connect, logged } = await serve(t, {
    connected: async ({ user: { name } }) => {
      if (name === 'eve') throw new Error('on purpose')
      journal.add(name)
      await new Promise(() => {})
    },
    disconnected: ({ user: { name } }, { code, reason }) => { journal.add(`${name} ${code} ${reason}`) }
  }, { handlerTimeout: 1_000, clock }, journal)
  const failed = { code: 1011, reason: 'the server failed' }
  t.strictSame(await (await connect('eve')).closed, failed)
  t.match(await logged('connected() failed: the connection is closed'), { err: { message: 'on purpose' }, level: 50 })
  const slow = await connect('sam')
  await journal.seen('sam')
  clock.advance(1_000)
  t.strictSame(await slow.closed, failed, 'it exceeds handlerTimeout')
  for (const name of ['eve', 'sam']) await journal.seen(`${name} 1011 the server failed`)
})

t.test('disconnected: it runs after `left` of every channel, with the reason, and a close of the server waits for it',
  async (t) => {
    const { app, connect, journal } = await serve(t, {
      connected: (ctx) => { ctx.state.since = ctx.connection.connectedAt },
      disconnected: async (ctx, { code, reason }) => {
        await journal.door(ctx.user.name).promise
        journal.add(`${typeof ctx.state.since} ${ctx.user.name} ${code} ${reason}`)
      }
    })
    const [ann, bob, cy, dan] = [await connect('ann'), await connect('bob'), await connect('cy'), await connect('dan')]
    await ann.request('join', 'lab/a')
    await ann.request('join', 'lab/b')
    for (const name of ['ann', 'bob', 'cy']) journal.door(name).resolve()
    ann.webSocket.close(4_001, 'bye')
    await journal.seen('number ann 4001 bye')
    t.strictSame(journal.events.slice(2), [
      'left a disconnected', 'left b disconnected', 'number ann 4001 bye'
    ])
    bob.terminate()
    await journal.seen('number bob 1006 ')
    await app.registry.disconnect({ userId: 'id-of-cy' }, { code: 4_002, reason: 'go' })
    cy.terminate()
    await journal.seen('number cy 4002 go')
    let isClosed = false
    const closing = app.close().then(() => { isClosed = true })
    await dan.closed
    t.equal(isClosed, false, 'the function is not done')
    journal.door('dan').resolve()
    await closing
    t.ok(journal.events.includes('number dan 1012 server is restarting'))
  })

t.test('disconnected: without `connected` it runs too, and its failure is logged', async (t) => {
  const { connect, logged } = await serve(t, { disconnected: () => { throw new Error('on purpose') } })
  await (await connect()).close()
  t.match(await logged('disconnected() failed'), { err: { message: 'on purpose' }, level: 50, user: 'id-of-ann' })
})

t.test('ctx.send of a route: a contract that the route does not serve is refused', async (t) => {
  const errors: unknown[] = []
  const { app, sink } = await makeApp(t)
  const connected = (ctx: ConnectionContext) => {
    ctx.state.isKept = true
    try { ctx.send(own, 'greeting', { text: 'hello' }) } catch (error) { errors.push(error, ctx.state) }
  }
  app.ws('/lab', { connected }, [implementLab()])
  const { url, token } = await listen(app, sink)
  await TestClient.connect(`${url}/lab`, [], bearer(token('ann')))
  t.match(errors, [{ code: 'FST_CHANNELS_USAGE' }, { isKept: true }])
})

const big = (bytes: number) => JSON.stringify({ type: 'note', channel: 'lab/a', payload: { text: 'x'.repeat(bytes) } })

t.test('maxPayload of a route: smaller or larger than that of the plugin, which other routes keep', async (t) => {
  for (const maxPayload of [500, 5_000]) {
    const { connect } = await serve(t, { maxPayload }, { maxPayload: 1_000 })
    const [here, there, over] = [await connect(), await connect('bob', '/other'), await connect('cy')]
    t.equal((await here.welcome).limits.messageBytes, maxPayload)
    t.equal((await there.welcome).limits.messageBytes, 1_000)
    await here.request('join', 'lab/a')
    here.sendText(big(maxPayload - 100))
    t.match(await here.next('noted', 'error'), { type: 'noted' })
    over.sendText(big(maxPayload))
    t.match(await over.closed, { code: 1009 })
    there.sendText(big(1_000))
    t.match(await there.closed, { code: 1009 })
  }
})

t.test('maxPayload of a route: it counts what a compressed message becomes', async (t) => {
  const { url, token } = await serve(t, { maxPayload: 5_000 }, {
    maxPayload: 1_000, websocket: { options: { perMessageDeflate: true } }
  })
  t.ok(deflateRawSync(big(4_000)).length < 1_000)
  const options = { ...bearer(token('ann')), perMessageDeflate: { threshold: 0 } }
  const connect = () => TestClient.connect(`${url}/lab`, [], options)
  const [within, over] = [await connect(), await connect()]
  t.match(within.webSocket.extensions, /permessage-deflate/)
  within.sendText(big(4_000))
  t.match(await within.next('error'), { payload: { code: 'not_joined' } })
  over.sendText(big(6_000))
  t.match(await over.closed, { code: 1009 })
})

t.test('limits of a route: they count for its connections, and other routes keep those of the plugin', async (t) => {
  const { connect } = await serve(t, { limits: { channels: 1, messages: { max: 2, timeWindow: 60_000 } } })
  const [here, there] = [await connect(), await connect('bob', '/other')]
  await here.request('join', 'lab/a')
  t.match(await here.request('join', 'lab/b'), { payload: { code: 'too_many_channels' } })
  const replies = async (client: TestClient) =>
    (await Promise.all([1, 2, 3].map(() => client.request('whoami')))).map(({ type }) => type)
  t.strictSame(await replies(here), ['ack', 'ack', 'error'])
  t.strictSame(await replies(there), ['ack', 'ack', 'ack'])
})

t.test('limits of a route: its own size of the send queue', async (t) => {
  const { connect, app } = await serve(t, { limits: { sendQueueBytes: 2_000 } })
  const [slow, other] = [await connect(), await connect('bob', '/other')]
  const text = 'x'.repeat(1_500)
  for (let i = 0; i < 2; i++) app.registry.send('id-of-bob', own, 'greeting', { text })
  for (let i = 0; i < 2; i++) app.registry.send('id-of-ann', own, 'greeting', { text })
  t.match(await slow.closed, { code: 1013 })
  await promisify((done: () => void) => other.webSocket.ping(done))()
  t.equal(other.webSocket.readyState, WebSocket.OPEN)
})
