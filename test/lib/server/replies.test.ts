import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement, type MessageContext } from '../../../lib/server/implement.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { bearer, listen, makeApp } from '../../support/serve.ts'

const odd = defineChannel({
  pattern: 'odd/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    now: { payload: Type.String(), reply: Type.Unknown(), errors: { odd: Type.Unknown() } },
    later: { payload: Type.String(), reply: Type.Unknown() },
    once: { payload: Type.String(), reply: Type.Unknown(), idempotent: true }
  },
  fromServer: { said: { payload: Type.Unknown() } },
  presence: Type.Unknown()
})

const fail = (): never => { throw new Error('on purpose') }
const traps = new Proxy({}, { get: fail, getPrototypeOf: fail, ownKeys: fail, has: fail })
const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
const deep = () => Array.from({ length: 20_000 }).reduce((inner: unknown) => [inner], null)

/** Values without JSON, or with too much of it, by what is wrong with them. */
const unencodable: Readonly<Record<string, () => unknown>> = {
  'a BigInt': () => 1n,
  'a BigInt inside': () => ({ list: [{ id: 1n }] }),
  'a cyclic value': () => cyclic,
  'a proxy that throws': () => traps,
  'a getter that throws': () => ({ get id () { return fail() } }),
  'a toJSON that throws': () => ({ toJSON: fail }),
  'a deep value': deep,
  'a text over 1 MiB': () => 'x'.repeat(2 ** 20),
  'a thenable that throws': () => ({ then: fail }),
  'a then that throws': () => ({ get then () { return fail() } }),
  'a thenable that rejects': () => ({ then: (_: unknown, reject: (error?: unknown) => void) => reject() })
}

/** What a handler may throw. */
const thrown: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'a text': () => 'text',
  'a BigInt': () => 1n,
  'a symbol': () => Symbol('thrown'),
  'a frozen error': () => Object.freeze(new Error('frozen')),
  'an error whose code throws': () => Object.defineProperty(new Error('x'), 'code', { get: fail, enumerable: true }),
  'an error whose message throws': () => Object.defineProperty(new Error('x'), 'message', { get: fail }),
  'an error whose stack throws': () => Object.defineProperty(new Error('x'), 'stack', { get: fail }),
  'a proxy that throws': () => traps,
  'an error with a cyclic cause': () => {
    const error = new Error('x')
    return Object.assign(error, { cause: error })
  }
}

type Now = MessageContext<typeof odd.definition, 'now'>

/** Other ways in which a handler can fail. */
const others: Readonly<Record<string, (ctx: Now) => unknown>> = {
  'a declared error without JSON': (ctx) => { throw ctx.error('odd', 1n) },
  'a declared error that was frozen': (ctx) => { throw Object.freeze(ctx.error('odd', { n: 1n })) },
  'a declared error with details that throw': (ctx) => { throw ctx.error('odd', traps) },
  'a broadcast of a proxy': (ctx) => { ctx.broadcast('said', traps) },
  'a broadcast that throws a proxy': (ctx) => {
    ctx.broadcast('said', { toJSON: () => { throw traps } })
  },
  'a message without JSON': (ctx) => ctx.send('said', 1n),
  'a message over 1 MiB': (ctx) => ctx.send('said', 'x'.repeat(2 ** 20)),
  'a broadcast over 1 MiB': (ctx) => ctx.broadcast('said', 'x'.repeat(2 ** 20)),
  'a declared error over 1 MiB': (ctx) => { throw ctx.error('odd', 'x'.repeat(2 ** 20)) }
}

t.test('reply: each message gets exactly one, however its handler fails', async (t) => {
  const { app, sink } = await makeApp(t)
  const handle = (ctx: Now, name: string): unknown => {
    const [kind, what] = name.split(': ') as [string, string]
    if (kind === 'return') return unencodable[what]?.()
    if (kind === 'throw') throw thrown[what]?.()
    return others[what]?.(ctx)
  }
  app.ws('/odd', [implement(odd, {
    presence: (ctx) => unencodable[ctx.params.id]?.(),
    left: (ctx) => {
      const [, what = ''] = ctx.params.id.split('left: ')
      if (what in thrown) throw thrown[what]?.()
    },
    on: {
      now: handle,
      later: async (ctx, name) => handle(ctx as Now, name),
      once: async (ctx, name) => handle(ctx as unknown as Now, name)
    }
  })])
  const { url, token, log } = await listen(app, sink)
  const connect = () => TestClient.connect(`${url}/odd`, [], bearer(token('ann')))
  const client = await connect()
  await client.request('join', 'odd/x')
  const names = [
    ...Object.keys(unencodable).map((what) => `return: ${what}`),
    ...Object.keys(thrown).map((what) => `throw: ${what}`),
    ...Object.keys(others).map((what) => `other: ${what}`)
  ]
  for (const type of ['now', 'later', 'once']) {
    for (const name of type === 'now' ? names : names.filter((name) => !name.startsWith('other'))) {
      t.match((await client.request(type, 'odd/x', name)).payload, { code: 'internal' }, `${type}: ${name}`)
    }
  }

  t.test('reply: a join whose presence data has no JSON gets internal, and is no membership', async (t) => {
    for (const what of Object.keys(unencodable)) {
      t.match((await client.request('join', `odd/${what}`)).payload, { code: 'internal' }, what)
    }
    t.equal(app.rooms.size, 1)
  })

  t.test('reply: errors of left() are logged whatever they are, and the process goes on', async (t) => {
    for (const what of Object.keys(thrown)) {
      // Each on a connection of its own, because the lines of one are bounded.
      const own = await connect()
      await own.request('join', `odd/left: ${what}`)
      t.match(await own.request('leave', `odd/left: ${what}`), { type: 'ack' })
      t.match(await own.request('ping'), { type: 'ack' })
      await own.close()
    }
    t.equal(log.filter(({ msg }) => msg === 'left() failed').length, Object.keys(thrown).length)
  })

  const replied = client.log.flatMap(({ correlationId }) => correlationId ?? [])
  t.equal(new Set(replied).size, replied.length, 'no message got two replies')
})
