import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { exceptOf } from '../../lib/server/messages/channel-publisher.ts'
import { NodeRequests } from '../../lib/server/services/node-requests.ts'
import type { CloseEvent } from '../../lib/protocol/close-events.ts'
import { Behind } from '../../lib/protocol/errors.ts'
import type { Position } from '../../lib/protocol/position.ts'
import { TestClient, type UpgradeRefused } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { implementOwn, lab, own } from '../support/lab.ts'
import { bearer, listen, makeApp, serveLab } from '../support/serve.ts'
import { adapterWith } from '../support/adapter-with.ts'

/** A contract with a small history, handlers that append, and a type with a rate limit. */
const counter = defineChannel({
  pattern: 'counter/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    add: { payload: Type.Integer(), reply: Type.Object({ sum: Type.Integer() }) },
    twice: { idempotent: true },
    overlook: {},
    flood: { rateLimit: { max: 1, timeWindow: 60_000 }, idempotent: true }
  },
  fromServer: { added: { payload: Type.Integer() }, reset: {} },
  history: { limit: 2, ttl: 60_000, snapshot: Type.Object({ sum: Type.Integer() }) }
})

const plain = defineChannel({
  pattern: 'plain',
  fromClient: {},
  fromServer: { posted: {}, hinted: { ephemeral: true } },
  history: { limit: 2, ttl: 60_000 }
})

interface State { at: Position, sum: number }

const unknownPosition: Position = { epoch: 'unknown', offset: 0, hash: '' }

/** Appends at the newest position, which `Behind` carries. */
async function appendAtNewest (append: (after: Position) => Promise<Position>): Promise<void> {
  const behind = await append(unknownPosition).catch((error: unknown) => error)
  await append((behind as Behind).position)
}

/** Each connection keeps a sum and its position in `ctx.state`, which may be out of date. */
const implementCounter = implement(counter, {
  joined: async (ctx) => {
    if (ctx.params.id === 'greeted') await ctx.broadcast('added', 0)
    if (ctx.params.id === 'reset') await appendAtNewest((after) => ctx.append('reset', undefined, { after }))
  },
  left: async (ctx) => {
    if (ctx.params.id === 'reset') await appendAtNewest((after) => ctx.append('reset', undefined, { after }))
  },
  on: {
    add: async (ctx, n) => {
      const state = ctx.state as unknown as State
      state.at ??= unknownPosition
      state.sum ??= 0
      for (;;) {
        try {
          state.at = await ctx.append('added', n, { after: state.at, snapshot: { sum: state.sum + n } })
          state.sum += n
          return { sum: state.sum }
        } catch (error) {
          if (!ctx.isBehind(error)) throw error
          const start = error.snapshot ? error.snapshot.state.sum : error.reason ? 0 : state.sum
          state.sum = error.messages.reduce((sum, { payload }) => sum + (payload as number), start)
          state.at = error.position
        }
      }
    },
    twice: async (ctx) => {
      for (const n of [1, 2]) await ctx.broadcast('added', n)
    },
    // Ignores the results. Of two appends at the same position, one is behind.
    overlook: async (ctx) => {
      const { position } = ctx.state as { position?: Position }
      await Promise.allSettled([1, 2].map((n) =>
        position ? ctx.append('added', n, { after: position }) : ctx.broadcast('added', n)))
    },
    flood: () => {}
  }
})

async function serve (t: Test, hub: MemoryHub, options: ChannelsOptions = {}) {
  const adapter = new MemoryAdapter(hub)
  const { app, sink } = await makeApp(t, { adapter, ...options })
  app.ws('/counter', {}, [implementCounter])
  const served = await listen(app, sink)
  return {
    ...served,
    adapter,
    connect: (name: string) => TestClient.connect(`${served.url}/counter`, [], bearer(served.token(name)))
  }
}

async function twoLabs (t: Test, options: ChannelsOptions = {}) {
  const hub = new MemoryHub()
  return await Promise.all([1, 2].map(() => serveLab(t, { adapter: new MemoryAdapter(hub), ...options })))
}

t.test('node requests: the calls of the registry and of a room reach every node', async (t) => {
  const [a, b] = await twoLabs(t, {
    report: async () => 'well'
  }) as [Awaited<ReturnType<typeof serveLab>>, Awaited<ReturnType<typeof serveLab>>]
  const ann = [await a.connect('ann'), await b.connect('ann')] as const
  const bob = await b.connect('bob')

  t.test('registry.send reaches the connections of a user on every node', async (t) => {
    t.match(await a.app.registry.send('id-of-ann', own, 'greeting', { text: 'hello' }), { connections: 2, missing: [] })
    for (const client of ann) t.match(await client.next('greeting'), { payload: { text: 'hello' } })
    t.match(await a.app.registry.send('id-of-bob', own, 'greeting', { text: 'hello' }), { connections: 1 })
    t.match(await bob.next('greeting'), { payload: { text: 'hello' } })
    t.match(await a.app.registry.send('nobody', own, 'greeting', { text: 'hello' }), { connections: 0 })
  })

  t.test('room.members, room.remove and rooms.reauthorize cover every node', async (t) => {
    for (const client of [...ann, bob]) await client.request('join', 'lab/x')
    const room = a.app.rooms.of(lab, { id: 'x' })
    t.strictSame((await room.members()).results.map(({ userId }) => userId).sort(), [
      'id-of-ann', 'id-of-ann', 'id-of-bob'
    ])
    t.match(await room.remove({ userId: 'id-of-bob' }, 'banned'), { connections: 1 })
    t.match(await bob.next('left'), { payload: { code: 'banned' } })
    t.equal((await room.members()).results.length, 2)
    t.strictSame(await b.app.rooms.reauthorize('id-of-ann'), { connections: 2, missing: [] })
    t.equal((await room.members()).results.length, 2, 'a user who is still allowed remains a member')
  })

  t.test('registry.nodes returns the info and the report of every node', async (t) => {
    const { results, missing } = await a.app.registry.nodes()
    t.strictSame(missing, [])
    t.match(
      results,
      [{ connections: 1, rooms: 1, uptime: Number, report: 'well' }, { connections: 2, rooms: 1, report: 'well' }]
    )
    t.equal(new Set(results.map(({ node }) => node)).size, 2)
  })

  t.test('registry.disconnect and registry.revoke close connections on every node', async (t) => {
    t.match(await a.app.registry.disconnect({ userId: 'id-of-bob' }), { connections: 1 })
    t.match(await bob.closed, { code: 3003 })
    t.match(await a.app.registry.revoke({ userId: 'id-of-ann' }, Date.now() + 60_000), { connections: 2, missing: [] })
    for (const client of ann) t.match(await client.closed, { code: 3000 })
    t.match(await b.connect('ann').catch((error: unknown) => error), { status: 401 })
  })
})

t.test('node requests: a wrong target, close event or code is refused before any node acts', async (t) => {
  const [a, b] = await twoLabs(t) as [Awaited<ReturnType<typeof serveLab>>, Awaited<ReturnType<typeof serveLab>>]
  const clients = [await a.connect('ann'), await b.connect('ann')]
  for (const client of clients) await client.request('join', 'lab/x')
  const { registry, rooms } = a.app
  const room = rooms.of(lab, { id: 'x' })
  const ann = { userId: 'id-of-ann' }
  const wrong = (value: unknown) => value as never
  const noTargets = [null, undefined, 'ann', {}, { userId: 7 }, { userId: null }, { connectionId: {} }].map(wrong)
  const noEvents = [
    ...['4000', 4000.5, Number.NaN, 1005, 999, 5000, null, 1n].map((code) => ({ code, reason: 'x', retry: 'stop' })),
    ...[7, null, {}, '\ud800'].map((reason) => ({ code: 4000, reason, retry: 'stop' }))
  ].map(wrong)
  const noCodes = ['\ud800', '', 'x'.repeat(129), 5, null, {}, 1n].map(wrong)
  const calls: ReadonlyArray<() => Promise<unknown>> = [
    ...noTargets.flatMap((target) =>
      [() => room.add(target), () => room.remove(target), () => registry.disconnect(target)]),
    ...[null, undefined, 'ann', { jti: 7 }].map((revoked) => () => registry.revoke(wrong(revoked), Date.now() + 1_000)),
    ...[null, undefined, 7, ann].flatMap((userId) =>
      [() => registry.send(wrong(userId), own, 'greeting', { text: '' }), () => rooms.reauthorize(wrong(userId))]),
    ...noEvents.map((event) => () => registry.disconnect(ann, event)),
    ...noCodes.map((code) => () => room.remove(ann, code))
  ]
  for (const [i, call] of calls.entries()) await t.rejects(call(), { code: 'FST_CHANNELS_USAGE' }, `call ${i}`)
  t.equal((await room.members()).results.length, 2)
  t.match(await registry.disconnect(ann, { code: 4000 } as CloseEvent), { connections: 2 })
  for (const client of clients) t.match(await client.closed, { code: 4000, reason: 'disconnected by the server' })
})

t.test('node requests: what names a connection beside its user means that connection alone', async (t) => {
  const { app: { registry, rooms }, connect } = await serveLab(t)
  const clients = [await connect('ann'), await connect('ann'), await connect('ann')]
  for (const client of clients) await client.request('join', 'lab/x')
  const room = rooms.of(lab, { id: 'x' })
  const [member] = (await room.members()).results
  t.match(await room.remove(member as never), { connections: 1 })
  const [listed] = (await registry.list()).results
  t.strictSame(exceptOf({ except: listed as never }), { connection: listed?.connectionId })
  t.match(await registry.disconnect(listed as never, { code: undefined, reason: undefined } as never), {
    connections: 1
  })
  t.match(await Promise.race(clients.map((client) => client.closed)), { code: 3003 })
  t.match(await registry.disconnect(registry.all()[0] as never), { connections: 1 })
  await t.rejects(registry.disconnect({ connectionId: 7, userId: 'id-of-ann' } as never), {
    code: 'FST_CHANNELS_USAGE'
  })
  t.match(await registry.revoke({ userId: 'id-of-ann', jti: 'j1' } as never, Date.now() + 9_000), { connections: 0 })
  await t.rejects(registry.revoke({ userId: 'id-of-ann' }, Date.now() / 1_000), {
    code: 'FST_CHANNELS_USAGE', message: /milliseconds/
  })
  t.throws(() => rooms.of(own as never), { code: 'FST_CHANNELS_CONTRACT', message: /defineChannel/ })
  await t.rejects(registry.send('id-of-ann', lab as never, 'posted' as never), {
    code: 'FST_CHANNELS_CONTRACT', message: /defineConnection/
  })
})

t.test('node requests: a failing report is left out, and an unknown request is refused', async (t) => {
  for (const report of [() => { throw new Error('on purpose') }, async () => { throw new Error('on purpose') }]) {
    const { app, logged } = await serveLab(t, { report })
    t.notOk('report' in ((await app.registry.nodes()).results[0] as object))
    t.match(await logged("the option 'report' failed: this node's info lacks its report"), { level: 50 })
  }
  const requests = new NodeRequests({} as never)
  for (const request of ['info', ['destroy'], ['constructor'], {}]) {
    t.throws(() => requests.handle(request), { message: 'unknown node request' })
  }
})

t.test('revocation: it holds on this node even if the other nodes cannot be reached', async (t) => {
  const { app, connect } = await serveLab(
    t, { adapter: adapterWith({ nodes: { revoke: async () => { throw new Error('away') } } }) }
  )
  const ann = await connect('ann')
  t.match(await app.registry.revoke({ userId: 'id-of-ann' }, Date.now() + 60_000), { connections: 1 })
  t.match(await ann.closed, { code: 3000 })
})

t.test('connection quota: the connections of a user are counted over all nodes', async (t) => {
  const refused = (attempt: Promise<unknown>) =>
    attempt.then(() => { throw new Error('the upgrade was not refused') }, (error) => error as UpgradeRefused)

  t.test('connection quota: a closed connection no longer counts', async (t) => {
    const [a, b] = await twoLabs(
      t, { limits: { perUser: 2 } }
    ) as [Awaited<ReturnType<typeof serveLab>>, Awaited<ReturnType<typeof serveLab>>]
    const first = await a.connect('ann')
    await b.connect('ann')
    t.match(await refused(b.connect('ann')), { status: 429, headers: { 'retry-after': '5' } })
    await first.close()
    await b.connect('ann')
  })

  t.test('connection quota: the connections of this node count while the adapter is unreachable', async (t) => {
    const away = { acquire: async () => { throw new Error('away') }, release: async () => { throw new Error('away') } }
    const { connect } = await serveLab(t, { adapter: adapterWith({ quota: away }), limits: { perUser: 1 } })
    await connect('ann')
    t.match(await refused(connect('ann')), { status: 429 })
  })

  t.test('connection quota: an adapter that throws at once counts as one that is unreachable', async (t) => {
    const fail = () => { throw new Error('away') }
    const adapter = adapterWith({ quota: { acquire: fail, check: fail, release: fail } })
    const { connect, http, token } = await serveLab(t, { adapter, limits: { perUser: 1 } })
    t.equal((await fetch(`${http}/lab`, bearer(token('ann')))).status, 426, 'a plain request gets its answer')
    const ann = await connect('ann')
    t.match(await refused(connect('ann')), { status: 429 })
    await ann.close()
    await (await connect('ann')).close()
  })

  t.test('connection quota: the promise of an adapter need not be one of JavaScript', async (t) => {
    const later = {
      then: (resolve: (outcome: { granted: true }) => void) => { setImmediate(resolve, { granted: true }) }
    }
    const adapter = adapterWith({ quota: { acquire: () => later as Promise<{ granted: true }> } })
    const { connect } = await serveLab(t, { adapter })
    await connect('ann')
  })

  t.test('connection quota: a grant that arrives after the connection closed is released', async (t) => {
    let grant = () => {}
    const freed = new Promise<string>((resolve) => {
      const adapter = adapterWith({
        quota: {
          acquire: () => new Promise((_resolve) => { grant = () => _resolve({ granted: true }) }),
          release: async (user: string) => resolve(user)
        }
      })
      serveLab(t, { adapter }).then(async ({ connect }) => {
        const ann = await connect('ann')
        await ann.close()
        grant()
      }).catch(t.fail)
    })
    t.equal(await freed, 'id-of-ann')
  })
})

t.test('append: handlers on two nodes append to one history', async (t) => {
  const hub = new MemoryHub()
  const [a, b] = [await serve(t, hub), await serve(t, hub)]
  const [ann, bob] = [await a.connect('ann'), await b.connect('bob')]
  for (const client of [ann, bob]) await client.request('join', 'counter/x')

  t.test('append: after Behind the handler catches up, and its next try succeeds', async (t) => {
    const adds = [1, 2, 3, 4, 5, 6].map((n) => (n % 2 ? ann : bob).request('add', 'counter/x', n))
    const sums = (await Promise.all(adds)).map(({ payload }) => (payload as { sum: number }).sum)
    t.equal(Math.max(...sums), 21)
    t.equal(new Set(sums).size, 6, 'each append produced another sum')
    t.match((await a.app.rooms.of(counter, { id: 'x' }).read()).snapshot, { offset: 6, state: { sum: 21 } })
  })

  t.test('append: a message whose handler succeeds after Behind is acked', async (t) => {
    const { offset } = await bob.request('add', 'counter/x', 1)
    t.equal(offset, 7)
    t.match(await ann.request('add', 'counter/x', 1), { type: 'ack', offset: 8, payload: { sum: 23 } })
  })

  t.test('broadcast: joined() may append to the history', async (t) => {
    const cy = await a.connect('cy')
    await cy.request('join', 'counter/greeted')
    t.match(await cy.next('added'), { payload: 0, offset: 1 })
  })

  t.test('append: joined() and left() may append to the history', async (t) => {
    const reader = await b.connect('dan')
    await reader.request('join', 'counter/reset')
    t.match(await reader.next('reset'), { offset: 1 }, "appended by the reader's own joined()")
    const cy = await a.connect('cy')
    await cy.request('join', 'counter/reset')
    t.match(await reader.next('reset'), { offset: 2 }, 'appended by joined()')
    await cy.request('leave', 'counter/reset')
    t.match(await reader.next('reset'), { offset: 3 }, 'appended by left()')
    t.notOk(a.log.some(({ level }) => level >= 50), 'Behind is not logged as a failure')
  })
})

t.test('idempotent message: a second run of its handler appends no entry twice', async (t) => {
  const { app, connect, adapter } = await serve(t, new MemoryHub())
  const ann = await connect('ann')
  await ann.request('join', 'counter/x')
  const finish = adapter.idempotency.finish.bind(adapter.idempotency)
  Object.assign(adapter.idempotency, { finish: async () => { throw new Error('cut off') } })
  t.match((await ann.request('twice', 'counter/x', undefined, 'm1')).payload, { code: 'unavailable' })
  Object.assign(adapter.idempotency, { finish })
  t.match(await ann.request('twice', 'counter/x', undefined, 'm1'), { type: 'ack', offset: 2 })
  const { messages } = await app.rooms.of(counter, { id: 'x' }).read()
  t.strictSame(messages.map(({ payload }) => payload), [1, 2])
  t.equal(messages[1]?.id, `${messages[0]?.id}:1`)
})

t.test('broadcast: a failed one makes its message fail, even if the handler ignores it', async (t) => {
  const { connect, adapter } = await serve(t, new MemoryHub())
  const ann = await connect('ann')
  await ann.request('join', 'counter/x')
  t.match(await ann.request('overlook', 'counter/x'), { type: 'ack', offset: 2 })
  Object.assign(adapter.history, { append: async () => { throw new Error('away') } })
  t.match((await ann.request('overlook', 'counter/x')).payload, { code: 'unavailable' })
})

t.test('rate limit: without a user it counts per address, so a reconnect does not reset it', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/counter', { public: true }, [implementCounter])
  const { url } = await listen(app, sink)
  for (const expected of ['ack', 'error']) {
    const client = await TestClient.connect(`${url}/counter`)
    await client.request('join', 'counter/x')
    t.equal((await client.request('flood', 'counter/x')).type, expected)
    t.match((await client.request('flood', 'counter/x')).payload, { code: 'rate_limited' })
    await client.close()
  }
})

t.test('rooms.of: the history of a channel, outside of its handlers', async (t) => {
  const { app, adapter, log, logged, connect } = await serve(t, new MemoryHub())
  const room = app.rooms.of(counter, { id: 'job' })
  const start = (await room.read()).position

  t.test('rooms.of: read returns the entries that append and broadcast wrote', async (t) => {
    const first = await room.append('added', 1, { after: start, snapshot: { sum: 1 } })
    t.match(first, { offset: 1, epoch: start.epoch, hash: String, id: String })
    await room.broadcast('reset')
    t.match(
      await room.read(),
      {
        reason: 'fresh',
        snapshot: { offset: 1, hash: first.hash, state: { sum: 1 } },
        messages: [{ type: 'reset', payload: undefined, offset: 2, prev: first.hash }]
      }
    )
    t.match(await room.read(first), { position: { offset: 2 }, messages: [{ offset: 2 }] })
    t.notOk('reason' in await room.read(first))
  })

  t.test('rooms.of: append rejects with Behind, which has the missed messages', async (t) => {
    const behind: unknown = await room.append('added', 1, { after: start }).catch((error: unknown) => error)
    t.ok(behind instanceof Behind && room.isBehind(behind))
    t.notOk(room.isBehind(new Error('behind')))
    t.match(
      behind,
      {
        code: 'behind',
        position: { offset: 2 },
        messages: [{ type: 'added', payload: 1 }, { type: 'reset' }],
        reason: undefined
      }
    )
    const foreign: unknown = await room.append(
      'added', 1, { after: { ...start, epoch: 'another' } }
    ).catch((error: unknown) =>
      error)
    t.match(
      foreign, { code: 'behind', reason: 'epoch', snapshot: { state: { sum: 1 } }, messages: [{ type: 'reset' }] }
    )
  })

  t.test('rooms.of: broadcast rejects with history_full while the newest snapshot needs all entries', async (t) => {
    const full = async () => { for (let i = 0; i < 10; i++) await room.broadcast('added', i) }
    await t.rejects(full(), { code: 'history_full', retryAfter: 1_000 })
  })

  t.test('rooms.of: append refuses a missing position and a snapshot that breaks its schema', async (t) => {
    const { position } = await room.read()
    await t.rejects(
      room.append('added', 1, { snapshot: { sum: 1 } } as never), { message: /lacks 'after'/ }
    )
    await t.rejects(
      room.append('added', 1, { after: position, snapshot: { sum: 'one' } as never }), { code: 'FST_CHANNELS_OUTGOING' }
    )
    t.equal((await room.read()).position.offset, position.offset, 'nothing was appended')
  })

  t.test('rooms.of: append refuses a snapshot that the contract does not declare', async (t) => {
    const { app } = await makeApp(t)
    app.ws('/plain', { public: true }, [implement(plain, { on: {} })])
    const room = app.rooms.of(plain)
    const { position } = await room.read()
    await t.rejects(
      room.append('posted', undefined, { after: position, snapshot: 1 } as never), { message: /declares no snapshot/ }
    )
  })

  t.test('rooms.of: append and broadcast reject with unavailable while the history cannot be reached', async (t) => {
    Object.assign(adapter.history, { append: async () => { throw new Error('away') } })
    await t.rejects(room.broadcast('added', 1), { code: 'unavailable' })
    const ann = await connect('ann')
    await ann.request('join', 'counter/y')
    t.match((await ann.request('add', 'counter/y', 1)).payload, { code: 'unavailable' })
    await logged('the history of a channel cannot be reached')
    const lines = log.filter(({ msg }) => msg === 'the history of a channel cannot be reached')
    t.match(lines, [{ level: 40, channel: 'counter/job' }, { level: 40, channel: 'counter/y' }], 'both are logged')
  })

  t.test('rooms.of: options of a persistent broadcast and the append of an ephemeral type are refused', async (t) => {
    const { app } = await makeApp(t)
    app.ws('/plain', { public: true }, [implement(plain, { on: {} })])
    const room = app.rooms.of(plain)
    const { position } = await room.read()
    // @ts-expect-error: a persistent message takes no options
    await t.rejects(room.broadcast('posted', undefined, { except: { id: 'x' } }), {
      code: 'FST_CHANNELS_USAGE', message: "the persistent message 'posted' is broadcast without options: use append"
    })
    // @ts-expect-error: an ephemeral message does not go through the history
    await t.rejects(room.append('hinted', undefined, { after: position }), {
      code: 'FST_CHANNELS_USAGE', message: "the ephemeral message 'hinted' cannot be appended: use broadcast"
    })
    t.strictSame((await room.read()).position, position, 'nothing was appended')
  })

  t.test('rooms.of: a REST handler answers Behind with 409, and an unreachable history with 503', async (t) => {
    const adapter = new MemoryAdapter()
    const { app } = await makeApp(t, { adapter })
    app.ws('/counter', {}, [implementCounter])
    app.post('/add', (request) =>
      app.rooms.of(counter, { id: 'rest' }).append('added', 1, { after: request.body as Position }))
    await app.ready()
    const add = async (after: Position) => {
      const response = await app.inject({ method: 'POST', url: '/add', payload: after })
      return { status: response.statusCode, body: response.json() as unknown }
    }
    const { position } = await app.rooms.of(counter, { id: 'rest' }).read()
    t.match(await add(position), { status: 200, body: { offset: 1 } })
    t.match(
      await add(position),
      { status: 409, body: { statusCode: 409, code: 'behind', message: /the history has moved on/ } }
    )
    adapterWith({ history: { append: async () => { throw new Error('away') } } }, adapter)
    t.match(await add(position), { status: 503, body: { statusCode: 503, code: 'unavailable' } })
  })

  t.test('rooms.of: read refuses a channel without history', async (t) => {
    const { app } = await serveLab(t)
    await t.rejects(app.rooms.of(lab, { id: 'x' }).read(), { message: /has no history/ })
  })
})

t.test('rooms.of: without presence, count is the number of connections', async (t) => {
  const { app, connect } = await serve(t, new MemoryHub())
  for (const client of [await connect('ann'), await connect('ann')]) await client.request('join', 'counter/x')
  t.equal(await app.rooms.of(counter, { id: 'x' }).count(), 2)
})

t.test('session: without a connection contract its messages are unknown, and registry.send skips it', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/counter', {}, [implementCounter])
  app.ws('/own', {}, [implementOwn()])
  const { url, token } = await listen(app, sink)
  const [ann, other] = [
    await TestClient.connect(`${url}/counter`, [], bearer(token('ann'))),
    await TestClient.connect(`${url}/own`, [], bearer(token('ann')))
  ]
  t.match(await app.registry.send('id-of-ann', own, 'ticked'), { connections: 1 })
  t.match(await other.next('ticked'), { type: 'ticked' })
  t.match((await ann.request('whoami')).payload, { code: 'unknown_type' })
  t.match((await ann.request('leave')).payload, { code: 'not_joined' })
})

t.test('rate limit: a repeated idempotent message that gets the stored reply does not count', async (t) => {
  const { connect } = await serve(t, new MemoryHub())
  const ann = await connect('ann')
  await ann.request('join', 'counter/x')
  for (let i = 0; i < 3; i++) t.match(await ann.request('flood', 'counter/x', undefined, 'm1'), { type: 'ack' })
  t.match(
    (await ann.request('flood', 'counter/x', undefined, 'm2')).payload, { code: 'rate_limited', retryAfter: Number }
  )
})

t.test('status: a node reports its state, connections, rooms and counters', async (t) => {
  const { app, http, connect } = await serveLab(t, { status: '/health' })
  await (await connect('ann')).request('join', 'lab/x')
  t.match(
    app.channels.status(), { state: 'up', node: String, connections: 1, rooms: 1, counters: { published: Number } }
  )
  const response = await fetch(`${http}/health`)
  t.equal(response.status, 200)
  t.strictSame(await response.json(), app.channels.status())

  t.test('status: a degraded node says since when and why, and answers 200', async (t) => {
    const status = { state: 'degraded' as const, since: 5, reason: 'a test' }
    const adapter = Object.assign(adapterWith({ status }), { roundTrip: 3 })
    const { app, http } = await serveLab(t, { adapter, status: '/health' })
    t.match(app.channels.status(), { ...status, roundTrip: 3 })
    t.equal((await fetch(`${http}/health`)).status, 200, 'a degraded node still serves its members')
  })

  t.test('status: a node that is closing answers 503 with draining', async (t) => {
    const { app, sink } = await makeApp(t, { status: '/health' }, { return503OnClosing: false })
    app.ws('/counter', {}, [implementCounter])
    const { http, url, token } = await listen(app, sink)
    const ann = await TestClient.connect(`${url}/counter`, [], bearer(token('ann')))
    // A paused client does not answer the close frame, so the server has to wait for it.
    ann.webSocket.pause()
    const ended = app.close()
    await new Promise(setImmediate)
    const response = await fetch(`${http}/health`)
    t.equal(response.status, 503)
    t.match(await response.json(), { state: 'draining', connections: 1 })
    ann.webSocket.resume()
    await ended
  })
})
