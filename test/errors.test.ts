import { STATUS_CODES } from 'node:http'
import fastifyJwt from '@fastify/jwt'
import fastifyWebsocket from '@fastify/websocket'
import { Kind, Type } from '@sinclair/typebox'
import fastify, { type FastifyInstance } from 'fastify'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect, ChannelsError } from '../lib/client/index.ts'
import { maxAddressBytes } from '../lib/local/hub/hub-directory.ts'
import { TestClient, type UpgradeRefused } from '../lib/testing/test-client.ts'
import {
  channels, defineChannel, defineConnection, implement, type ChannelsOptions, type ImplementedChannel
} from '../plugins/channels.ts'
import { listen, makeApp } from './support/serve.ts'

// The exact texts are part of the public surface, because people search for them. Each is provoked as a user would.

const { createClient } = await import('@redis/client' as string) as { readonly createClient: () => unknown }

/** What provokes the error, its code, its statusCode and its message. */
type Row = readonly [provoke: () => unknown, code: string, statusCode: number, message: string]

const params = Type.Object({ room: Type.String() })
const chat = defineChannel({
  pattern: 'chat/:room',
  params,
  fromClient: {
    say: { payload: Type.String(), errors: { muted: Type.Object({ until: Type.Integer() }) } },
    misuse: {}
  },
  fromServer: { said: { payload: Type.String() } }
})
const board = defineChannel({
  pattern: 'board/:room',
  params,
  fromClient: {},
  fromServer: { drawn: { payload: Type.Integer() }, cursor: { payload: Type.Integer(), ephemeral: true } },
  history: { limit: 10, ttl: 60_000 }
})
const own = defineConnection({ fromClient: {}, fromServer: { notice: {} } })

/** An error that a handler caught, because a client never sees it. */
const caught: { error?: unknown } = {}

const implementations = [
  implement(chat, {
    authorize: (ctx) => ctx.params.room !== 'private',
    on: {
      say: (ctx) => { throw ctx.error('muted', { until: 7 }) },
      misuse: (ctx) => { try { ctx.error('nope' as never, undefined as never) } catch (error) { caught.error = error } }
    }
  }),
  implement(board, { authorize: () => true, on: {} }),
  implement(own, { on: {} })
]

async function assertErrors (t: Test, rows: readonly Row[]): Promise<void> {
  for (const [provoke, code, statusCode, message] of rows) {
    const error = await Promise.resolve().then(provoke).then(
      () => undefined, (error: unknown) => error as ChannelsError
    )
    t.strictSame({ code: error?.code, statusCode: error?.statusCode, message: error?.message },
      { code, statusCode, message }, message)
    t.ok(error instanceof ChannelsError, `${code} extends ChannelsError`)
  }
}

t.test('errors: a wrong option of the plugin is refused with its name and what to pass', async (t) => {
  const register = (options: object) => async () => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(channels, options as ChannelsOptions)
  }
  const milliseconds = 'pass a whole number of milliseconds, from 1 to 2147483647'
  const int32 = 'pass a whole number from 1 to 2147483647'
  const rows: ReadonlyArray<readonly [options: object, message: string]> = [
    [{ heartBeat: {} }, "unknown option 'heartBeat'; did you mean 'heartbeat'?"],
    [{ heartbeat: { intervall: 1 } }, "unknown option 'heartbeat.intervall'; did you mean 'heartbeat.interval'?"],
    [{ heartbeat: { every: 1 } },
      "unknown option 'heartbeat.every'; use one of 'heartbeat.interval', 'heartbeat.timeout'"],
    [{ limits: { perUsers: 1 } }, "unknown option 'limits.perUsers'; did you mean 'limits.perUser'?"],
    ...[5, [5], {}, [null]].map((origins) => [{ origins }, "wrong value for the option 'origins': pass '*', an " +
      "origin such as 'https://app.example.com', 'https://*.example.com', a RegExp, a function, or an array of " +
      'these'] as const),
    ...['/socket.io', ['socket.io'], ['/']].map((otherUpgrades) => [{ otherUpgrades },
      "wrong value for the option 'otherUpgrades': " +
      "pass an array of paths such as ['/socket.io'], or a function"] as const),
    [{ origins: ['*'] }, "'*' in a list of 'origins' allows every page: pass '*' alone"],
    [{ origins: 'app.example.com' },
      "'app.example.com' in 'origins' can never match: pass 'https://app.example.com'"],
    [{ origins: ['my app'] },
      "'my app' in 'origins' can never match: pass an origin such as 'https://app.example.com'"],
    [{ origins: 'https:' }, "'https:' in 'origins' allows every page: pass '*' if that is meant"],
    [{ origins: 'https://app.*' },
      "'https://app.*' in 'origins' allows every top-level domain: write out the end of the name"],
    [{ origins: /example\.com/ }, "the pattern /example\\.com/ in 'origins' has no end, so it also allows names such as " +
      "'app.example.com.evil.example': end it with $, in each alternative"],
    [{ origins: /example\.com$/ }, "the pattern /example\\.com$/ in 'origins' has no start, so it also allows names such " +
      "as 'evil-example.com': begin it with ^ or \\., in each alternative"],
    [{ origins: /:443$/ }, "the pattern /:443$/ in 'origins' can never match: leave out the port, because browsers do " +
      'not send :443'],
    [{ origins: /^http:.*:80$/ }, "the pattern /^http:.*:80$/ in 'origins' can never match: leave out the port, because " +
      'browsers do not send :80'],
    [{ origins: 'https://a.com,https://b.com' }, "'https://a.com,https://b.com' in 'origins' is a list in one text: " +
      "pass an array, ['https://a.com', 'https://b.com']"],
    [{ origins: 'https://**.example.com' }, "'https://**.example.com' in 'origins' has two stars in a row, but a star " +
      "stands for one label: pass 'https://*.example.com', or a RegExp for any number of labels"],
    [{ origins: /example\.com\/$/ }, "the pattern /example\\.com\\/$/ in 'origins' can never match: " +
      'leave out the slash at its end, because an origin has no path'],
    [{ redis: 'redis://localhost' }, "wrong value for the option 'redis': " +
      "pass { url: 'redis://…' }, { client } or { namespace }, each with an optional 'prefix'"],
    [{ redis: { prefix: 'app' } }, "wrong value for the option 'redis': " +
      "pass { url: 'redis://…' }, { client } or { namespace }, each with an optional 'prefix'"],
    [{ redis: { url: undefined } },
      "'redis.url' is undefined: pass its value, or leave out 'redis' for a single process"],
    [{ redis: { client: undefined, prefix: 'app' } },
      "'redis.client' is undefined: pass its value, or leave out 'redis' for a single process"],
    [{ redis: { namespace: undefined } },
      "'redis.namespace' is undefined: pass its value, or leave out 'redis' for a single process"],
    [{ redis: { client: createClient() as never } },
      "'redis.client' is a client of node-redis: pass one of ioredis, such as new Redis(url), or { url } instead of " +
      '{ client }'],
    [{ redis: { client: { host: 'localhost' } as never } },
      "'redis.client' is not a client of ioredis: pass one, such as new Redis(url), or { url } instead of { client }"],
    [{ redis: { client: new Cluster([], { keyPrefix: '{app}', lazyConnect: true }) } },
      "'redis.client' has a keyPrefix with '{' or '}': " +
      'use one without, so that the channels are spread over the masters'],
    [{ redis: { url: 'redis://localhost/cache' } },
      "'redis.url' has a database that is no number: use one from 0"],
    [{ redis: { url: 'redis://:secret@localhost:99999' } }, "'redis.url' is no URL: check its host and its port"],
    [{ redis: { client: new Redis({ lazyConnect: true, db: NaN }) } },
      "'redis.client' has a database that is no number: use one from 0"],
    [{ redis: { url: 'http://localhost' } },
      "wrong value for the option 'redis.url': pass a URL that begins with 'redis://' or 'rediss://'"],
    [{ redis: { url: 'redis://localhost', prefix: '{a}' } },
      "wrong value for the option 'redis.prefix': pass a text of 1 to 64 characters without '{' and '}'"],
    [{ limits: true }, "wrong value for the option 'limits': pass false, or an object of limits"],
    [{ limits: { messages: 5 } }, "wrong value for the option 'limits.messages': pass { max, timeWindow }"],
    [{ limits: { perIp: 0 } }, "wrong value for the option 'limits.perIp': pass a whole number from 1"],
    [{ heartbeat: 30_000 }, "wrong value for the option 'heartbeat': pass { interval, timeout }"],
    [{ heartbeat: { timeout: 0 } }, `wrong value for the option 'heartbeat.timeout': ${milliseconds}`],
    [{ heartbeat: { interval: 1_000, timeout: 1_000 } },
      "'heartbeat.timeout' is not shorter than 'heartbeat.interval': pass a shorter timeout"],
    [{ closeTimeout: '5s' }, `wrong value for the option 'closeTimeout': ${milliseconds}`],
    [{ drain: 5 }, "wrong value for the option 'drain': pass { wait, spread, timeout }"],
    [{ drain: { wait: -1 } },
      "wrong value for the option 'drain.wait': pass a whole number of milliseconds, from 0 to 2147483647"],
    [{ drain: { delay: 1 } }, "unknown option 'drain.delay'; use one of 'drain.wait', 'drain.spread', 'drain.timeout'"],
    [{ contractMismatch: 'refused' },
      "wrong value for the option 'contractMismatch': pass 'ignore', 'warn' or 'refuse'"],
    [{ maxPayload: '64k' }, `wrong value for the option 'maxPayload': ${int32}`],
    [{ maxPayload: 2 ** 31 }, `wrong value for the option 'maxPayload': ${int32}`],
    [{ websocket: { options: { maxPayload: 0 } } },
      `wrong value for the option 'websocket.options.maxPayload': ${int32}`],
    [{ websocket: { options: { maxFragments: 2 ** 32 } } },
      `wrong value for the option 'websocket.options.maxFragments': ${int32}`],
    [{ protocolErrors: false }, "wrong value for the option 'protocolErrors': pass { max, timeWindow }"],
    [{ sessionCheck: () => true }, "wrong value for the option 'sessionCheck': pass { interval, check }"],
    [{ presenceGrace: -1 },
      "wrong value for the option 'presenceGrace': pass a whole number of milliseconds from 0"],
    [{ strict: 'yes' }, "wrong value for the option 'strict': pass true or false"],
    [{ identify: 'user' }, "wrong value for the option 'identify': pass a function"],
    [{ status: 'status' }, "wrong value for the option 'status': pass a path that begins with '/'"],
    ...(['', undefined, null, Buffer.alloc(0)] as const).map((secret) => [{ jwt: { secret } }, "'jwt.secret' is " +
      'empty: pass the key of the tokens, and check that its environment variable is set'] as const),
    [{ jwt: {} },
      "'jwt.secret' is empty: pass the key of the tokens, and check that its environment variable is set"],
    ...[{ private: 'key' }, { private: 'key', public: '' }].map((secret) => [{ jwt: { secret } },
      "'jwt.secret.public' is empty: pass the key of the tokens, and check that its environment variable is set"
    ] as const),
    [{ jwt: { secret: { private: '', public: 'key' } } },
      "'jwt.secret.private' is empty: pass the key of the tokens, and check that its environment variable is set"],
    ...['namespace', 'jwtVerify'].map((name) => [{ jwt: { secret: 'x', [name]: '' } },
      `wrong value for the option 'jwt.${name}': pass a text that is not empty`] as const),
    [{ jwt: { secret: 'x', cookie: { cookieName: '', signed: false } } },
      "wrong value for the option 'jwt.cookie.cookieName': pass a text that is not empty"],
    [{ jwt: { secret: 'x', cookie: 'token' } }, "wrong value for the option 'jwt.cookie': pass { cookieName, signed }"],
    [{ redis: { namespace: '' } }, "wrong value for the option 'redis.namespace': pass a text that is not empty"],
    [{ jwt: 'secret' }, "wrong value for the option 'jwt': pass the options of @fastify/jwt, such as { secret }"],
    [{ redis: { url: 'redis://localhost' }, adapter: {} },
      "'adapter' and 'redis' are mutually exclusive: pass one of them"],
    [{ redis: { url: 'redis://localhost' }, local: true },
      "'local' and 'redis' are mutually exclusive: pass one of them"],
    [{ local: false }, "wrong value for the option 'local': pass true or a path"],
    [{ local: `/${'x'.repeat(maxAddressBytes)}` }, "the option 'local' cannot be used: " +
      `its path has ${maxAddressBytes + 1} bytes: pass one of at most ${maxAddressBytes}`],
    [{ maxPayload: 5, websocket: { options: { maxPayload: 6 } } },
      "'websocket.options.maxPayload' contradicts 'maxPayload': pass only 'maxPayload'"]
  ]
  await assertErrors(t, rows.map(([options, message]) => [register(options), 'FST_CHANNELS_OPTIONS', 500, message]))
})

t.test('errors: a registration that conflicts with the application is refused with a remedy', async (t) => {
  const register = (prepare: (app: FastifyInstance) => unknown, options: ChannelsOptions = {}) => async () => {
    const app = fastify()
    t.teardown(() => app.close())
    await prepare(app)
    await app.register(channels, options)
  }
  const taken = (name: string) => (app: FastifyInstance) => { app.decorate(name, {} as never) }
  await assertErrors(t, [
    [register((app) => app.register(channels)), 'FST_CHANNELS_ALREADY_REGISTERED', 500,
      'fastify-channels is already registered on this server: register it once, before the plugins that use it'],
    [register(taken('registry')), 'FST_CHANNELS_DECORATOR_TAKEN', 500,
      "the application already has the decorator 'registry': " +
      "rename it, or pass 'decorators: false' and use app.channels.registry"],
    [register(taken('channels'), { decorators: false }), 'FST_CHANNELS_DECORATOR_TAKEN', 500,
      "the application already has the decorator 'channels': rename it"],
    [register(taken('ws')), 'FST_CHANNELS_DECORATOR_TAKEN', 500,
      "the application already has the decorator 'ws': rename it"],
    [register((app) => app.register(fastifyWebsocket)), 'FST_CHANNELS_WEBSOCKET_REGISTERED', 500,
      '@fastify/websocket is already registered: remove that registration, because fastify-channels registers it, ' +
      "and pass its options as 'websocket'"],
    [register(() => {}, { redis: { namespace: 'main' } }), 'FST_CHANNELS_NO_SUCH_REDIS', 500,
      "@fastify/redis has no namespace 'main': register it before fastify-channels"]
  ])
})

t.test('errors: wrong arguments of app.ws are refused with the route and what to pass', async (t) => {
  const { app } = await makeApp(t)
  const open = fastify()
  t.teardown(() => open.close())
  await open.register(channels)
  const ws = (...rest: unknown[]) => () => (app.ws as (...args: unknown[]) => unknown)('/ws', ...rest)
  const named = fastify()
  t.teardown(() => named.close())
  await named.register(fastifyJwt, { secret: 'x', namespace: 'admin' })
  await named.register(fastifyJwt, { secret: 'x', namespace: 'app', jwtVerify: 'verifyApp' })
  await named.register(channels)
  const jwt = (of: FastifyInstance, options: object) => () => of.ws('/ws', options, [])
  const shape = "the route '/ws' has the wrong value for the option 'jwt': " +
    'pass a namespace of @fastify/jwt, or { namespace, jwtVerify }'
  const usage = "wrong arguments for the route '/ws': pass a URL, options if there are any, and an array: " +
    "app.ws('/ws', [implement(contract, { on: { … } })])"
  await assertErrors(t, [
    [ws(), 'FST_CHANNELS_ROUTE', 500, usage],
    [ws({}), 'FST_CHANNELS_ROUTE', 500, usage],
    [ws({}, chat), 'FST_CHANNELS_ROUTE', 500, usage],
    [ws([chat]), 'FST_CHANNELS_ROUTE', 500, "wrong arguments for the route '/ws': " +
      "the contract 'chat/:room' has no handlers: pass implement(contract, { on: { … } })"],
    [ws([undefined]), 'FST_CHANNELS_ROUTE', 500,
      "wrong arguments for the route '/ws': the array holds something else than implement(…) returns"],
    [ws([implement(chat, {} as never)]), 'FST_CHANNELS_ROUTE', 500, "wrong arguments for the route '/ws': " +
      "the implementation of 'chat/:room' has no 'on': pass its handlers as implement(contract, { on: { … } })"],
    [ws({ presenceGrace: 5 }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the option 'presenceGrace' " +
      'of the plugin: pass it to app.register(channels, { presenceGrace })'],
    [ws({ previousContracts: ['v1'] }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the wrong value for " +
      "the option 'previousContracts.0': pass a fingerprint, as 'npx fastify-channels fingerprint' writes it"],
    [ws({ maxPayload: 0 }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the wrong value for the option " +
      "'maxPayload': pass a whole number from 1 to 2147483647"],
    [ws({ limits: { perUser: 5 } }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the limit 'perUser', " +
      'which counts for all routes together: pass it to app.register(channels, { limits: { perUser } })'],
    [ws({ limits: { chanels: 5 } }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the unknown option " +
      "'limits.chanels'; did you mean 'limits.channels'?"],
    [ws({ limits: false }, []), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the wrong value for the option " +
      "'limits': pass an object of limits"],
    [ws({ publik: true }, []), 'FST_CHANNELS_OPTIONS', 500,
      "the route '/ws' has the unknown option 'publik'; did you mean 'public'?"],
    [() => open.ws('/ws', []), 'FST_CHANNELS_UNPROTECTED_ROUTE', 500, "nothing protects the route '/ws': " +
      "register @fastify/jwt before fastify-channels, pass 'jwt' or 'identify', or set 'public: true'"],
    [jwt(named, {}), 'FST_CHANNELS_UNPROTECTED_ROUTE', 500, "nothing protects the route '/ws': pass 'jwt' with one " +
      "of the namespaces 'admin', 'app', or 'identify', or set 'public: true'"],
    [jwt(named, { jwt: 'adnim' }), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the option 'jwt' with the " +
      "namespace 'adnim', which @fastify/jwt does not have: pass one of 'admin', 'app'"],
    [jwt(app, { jwt: 'sign' }), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the option 'jwt' with the " +
      "namespace 'sign', which @fastify/jwt does not have: pass the namespace of an earlier registration"],
    [jwt(open, { jwt: 'admin' }), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the option 'jwt' with the " +
      "namespace 'admin', which @fastify/jwt does not have: pass the namespace of an earlier registration"],
    [jwt(named, { jwt: 'app' }), 'FST_CHANNELS_OPTIONS', 500, "the route '/ws' has the option 'jwt' with the " +
      "namespace 'app', but requests have no method 'appJwtVerify': pass { namespace: 'app', jwtVerify } with " +
      "the 'jwtVerify' of its registration"],
    ...[5, null, '', {}, { namespace: 'admin' }].map((value): Row =>
      [jwt(named, { jwt: value }), 'FST_CHANNELS_OPTIONS', 500, shape]),
    ...['public', 'identify', 'locals'].map((name): Row =>
      [jwt(app, { [name]: 'false' }), 'FST_CHANNELS_OPTIONS', 500, 'the route \'/ws\' has the wrong value for the ' +
        `option '${name}': pass ${name === 'public' ? 'true or false' : 'a function'}`]),
    [jwt(named, { jwt: 'admin', public: true }), 'FST_CHANNELS_OPTIONS', 500,
      "'jwt' and 'public' of the route '/ws' are mutually exclusive: pass one of them"],
    [jwt(named, { jwt: 'admin', identify: () => ({}) }), 'FST_CHANNELS_OPTIONS', 500,
      "'jwt' and 'identify' of the route '/ws' are mutually exclusive: pass one of them"]
  ])
})

t.test('errors: contracts with the same channels are refused unless they share or separate them', async (t) => {
  const { app } = await makeApp(t)
  const says = Type.Object({ text: Type.String() })
  const contract = (definition: object) => defineChannel({
    pattern: 'a/:room',
    params,
    fromClient: { say: { reply: Type.String(), idempotent: true } },
    fromServer: { said: { payload: says }, typing: { ephemeral: true } },
    history: { limit: 10, ttl: 60_000 },
    ...definition
  } as never)
  const say = () => ''
  const serve = (...definitions: object[]) => () => {
    app.ws('/ws', definitions.map((definition) => {
      return implement(contract(definition), { presence: () => ({}), on: { say } } as never) as ImplementedChannel
    }))
  }
  const shared = (definition: object) => serve({ shared: true, ...definition })
  app.ws('/shared', [implement(contract({ shared: true }), { on: { say } } as never) as ImplementedChannel])
  const differs = (part: string) => "a difference to the pattern 'a/:room', which is shared in channel 'a/:room', " +
    `${part}: declare it alike in both contracts, or give one of them a 'namespace'`
  const overlaps = "an overlap with the pattern 'a/:room' in channel 'a/:room': change one of the patterns, give one " +
    "of the contracts a 'namespace', or share the channels with 'shared: true' in both"
  const rows: ReadonlyArray<readonly [provoke: () => void, message: string]> = [
    [serve({}), overlaps],
    [() => { app.rooms.of(contract({}) as typeof chat, { room: 'x' }) }, overlaps],
    [shared({ pattern: 'a/b', params: undefined }), "a difference to the pattern 'a/:room', which is shared in " +
      "channel 'a/b', pattern: declare it alike in both contracts, or give one of them a 'namespace'"],
    [shared({ history: { limit: 11, ttl: 60_000 } }), differs('history')],
    [shared({ presence: says }), differs('presence')],
    [shared({ fromServer: { said: { payload: Type.String() } } }), differs("fromServer 'said'")],
    [shared({ fromClient: { say: { idempotent: true } } }), differs("fromClient 'say', reply")],
    [shared({ namespace: 'v2//' }),
      "invalid 'namespace' in channel 'a/:room': pass 1 to 40 letters, digits, '-', '_' or '.'"],
    [serve({ shared: 'yes' }), "invalid 'shared' in channel 'a/:room': pass true, or leave it out"],
    [serve({ namespace: 'v2' }, { namespace: 'v3' }),
      "duplicate contract in channel 'a/:room': pass it to the route once"],
    [serve({ namespace: 'v4' }, { namespace: 'v5', pattern: 'a/b', params: undefined }),
      "an overlap with the pattern 'a/:room' on the same route in channel 'a/b': serve the contracts on two routes"]
  ]
  await assertErrors(t, rows.map(([provoke, message]) => [provoke, 'FST_CHANNELS_CONTRACT', 500, message]))
})

t.test('errors: a contract that cannot be served is refused with the part that is wrong', async (t) => {
  const { app } = await makeApp(t)
  const serve = (pattern: string, definition: object = {}, implementation: object = {
    authorize: () => true, on: {}
  }) =>
    () => {
      const contract = defineChannel({ pattern, fromClient: {}, fromServer: {}, ...definition } as never)
      app.ws('/ws', [implement(contract, implementation as never) as ImplementedChannel])
    }
  const rows: ReadonlyArray<readonly [provoke: () => void, message: string]> = [
    [serve('a', { histroy: {} }), "unknown option 'histroy' in channel 'a'; did you mean 'history'?"],
    [serve('a', { fromClient: { say: { repply: params } } }),
      "unknown option 'repply' in channel 'a', fromClient 'say'; did you mean 'reply'?"],
    [serve('a//b'), "invalid pattern in channel 'a//b': " +
      'use segments between single slashes, each a literal or a :name'],
    [serve('a/:b/:b'), "invalid pattern in channel 'a/:b/:b': give each segment its own name"],
    [serve('a/:b'), "the params schema lacks 'b' in channel 'a/:b': add it, because the pattern names it"],
    [serve('a', { params }),
      "the params schema has 'room' in channel 'a': remove it, because the pattern does not name it"],
    [
      serve('a', { history: { limit: 0, ttl: 1 } }),
      "invalid 'limit' in channel 'a', history: pass a whole number from 1"
    ],
    ...[true, 'all', 1].map((value) => [serve('a', { history: value }),
      "invalid value in channel 'a', history: pass { limit, ttl }"] as const),
    ...[true, 'all'].map((value) => [serve('a', { presence: value }), "invalid value in channel 'a', presence: " +
      'pass a schema of @sinclair/typebox, or { data, list }'] as const),
    [serve('a', { presence: {} }),
      "invalid value in channel 'a', presence, data: pass a schema of @sinclair/typebox"],
    ...[true, 5].map((rateLimit) => [serve('a', { fromClient: { say: { rateLimit } } }),
      "invalid value in channel 'a', fromClient 'say', rateLimit: pass { max, timeWindow }"] as const),
    [serve('a', { fromClient: { say: { rateLimit: { max: 1, timeWindow: 1, window: 1 } } } }),
      "unknown option 'window' in channel 'a', fromClient 'say', rateLimit: use one of 'max', 'timeWindow'"],
    ...[true, null].map((errors) => [serve('a', { fromClient: { say: { errors } } }),
      "invalid value in channel 'a', fromClient 'say', errors: pass an object, such as {}"] as const),
    ...[true, null, 'replicas', 2].map((durable) => [serve('a', { history: { limit: 1, ttl: 1, durable } }),
      "invalid value in channel 'a', history, durable: pass 'replica' or { replicas, timeout }"] as const),
    [serve('a', { history: { limit: 1, ttl: 1, durable: { replica: 1 } } }),
      "unknown option 'replica' in channel 'a', history, durable; did you mean 'replicas'?"],
    [serve('a', { history: { limit: 1, ttl: 1, durable: { replicas: 0 } } }),
      "invalid 'replicas' in channel 'a', history, durable: pass a whole number from 1"],
    [serve('a', { history: { limit: 1, ttl: 1, durable: { timeout: '1s' } } }),
      "invalid 'timeout' in channel 'a', history, durable: pass a whole number from 1"],
    [serve('a', { fromClient: { join: {} } }), "reserved message type 'join' in channel 'a', fromClient: " +
      'choose another name, because the protocol uses it'],
    [serve('a', { fromClient: { say: { errors: { timeout: params } } } }), "reserved error code 'timeout' in " +
      "channel 'a', fromClient 'say': choose another code, because the protocol uses it"],
    [serve('a', { fromServer: { said: { payload: Type.Date() } } }), "a schema of kind 'Date' in channel 'a', " +
      "fromServer 'said', payload: use a kind that JSON can represent"],
    [serve('a', { fromServer: { said: { payload: { '~kind': 'String', type: 'string' } } } }),
      "a schema of the package 'typebox' (TypeBox 1.x) in channel 'a', fromServer 'said', payload: " +
      'make it with Type of @sinclair/typebox 0.34 (npm install @sinclair/typebox@0.34)'],
    [serve('a', { fromServer: { said: { payload: { ...Type.Unsafe(), [Kind]: 'Isbn' } } } }),
      "a schema of kind 'Isbn' in channel 'a', fromServer 'said', payload: " +
      'register it first, with the TypeRegistry of the copy of @sinclair/typebox that fastify-channels loads'],
    [serve('a', { fromServer: { said: { payload: Type.String({ format: 'isbn' }) } } }),
      "unknown format 'isbn' in channel 'a', fromServer 'said', payload: " +
      'register it first, with the FormatRegistry of the copy of @sinclair/typebox that fastify-channels loads'],
    [serve('a', { fromServer: { said: { payload: Type.Object({ constructor: Type.String() }) } } }),
      "a property that every JavaScript object has in channel 'a', fromServer 'said', payload/constructor: " +
      'choose another name'],
    [serve('a', {
      fromServer: {
        said: {
          payload: Type.Recursive((This) =>
            Type.Union([Type.Object({ a: This }), Type.Object({ a: This, b: This })]))
        }
      }
    }),
    "a recursive union without a discriminator in channel 'a', fromServer 'said', payload: give each member a " +
      "required property such as kind: Type.Literal('a'), with another value in each"],
    [serve('a', { fromClient: { say: {} } }), "missing handler 'say' in channel 'a': " +
      "add it to 'on', because the contract declares the message"],
    [serve('b', { fromClient: { say: {} } }, { authorize: () => true, on: { say () {}, sya () {} } }),
      "unknown handler 'sya' in channel 'b'; did you mean 'say'?"],
    [serve('g', {}, { authorise: () => true, on: {} }),
      "unknown option 'authorise' in the implementation of channel 'g'; did you mean 'authorize'?"],
    [serve('c', { presence: params }), "missing function 'presence' in channel 'c': " +
      'add it, because the contract declares presence'],
    [serve('d', { fromClient: { say: {} } }, { on: { say () {} }, preHandlers: { sya () {} } }),
      "unknown pre-handler 'sya' in channel 'd'; did you mean 'say'?"],
    [serve('e', { fromClient: { say: {} } }, { on: { say () {} }, preHandlers: { say: [5] } }),
      "a pre-handler that is no function in channel 'e', preHandlers 'say': pass a function, or an array of functions"],
    [serve('f', { fromClient: { say: {} } }, { on: { say () {} }, preHandler: 'x' }),
      "a pre-handler that is no function in channel 'f', preHandler: pass a function, or an array of functions"],
    [() => app.ws('/ws', [...implementations, ...implementations]),
      "duplicate contract in channel 'chat/:room': pass it to the route once"]
  ]
  await assertErrors(t, rows.map(([provoke, message]) => [provoke, 'FST_CHANNELS_CONTRACT', 500, message]))
})

t.test('errors: a wrong call at run time is refused with what it lacks', async (t) => {
  const { app } = await makeApp(t)
  app.ws('/ws', implementations)
  const { rooms, registry } = app.channels
  const lobby = rooms.of(chat, { room: 'lobby' })
  const drawing = rooms.of(board, { room: 'lobby' })
  const after = { epoch: 'e', offset: 0, hash: 'h' }
  const usage = (provoke: () => unknown, message: string, status = 500): Row =>
    [provoke, 'FST_CHANNELS_USAGE', status, message]
  await assertErrors(t, [
    [() => rooms.of('chat/lobby' as never), 'FST_CHANNELS_CONTRACT', 500,
      'a wrong contract in a call of rooms or registry: pass what defineChannel returned'],
    [() => registry.send('ann', chat as never, 'x' as never), 'FST_CHANNELS_CONTRACT', 500,
      'a wrong contract in a call of rooms or registry: pass what defineConnection returned'],
    [() => rooms.of(chat, {} as never), 'FST_CHANNELS_PARAMS', 400,
      "invalid params/room of the channel 'chat/:room': Expected required property"],
    [() => rooms.of(chat, { room: 'a/b' }), 'FST_CHANNELS_PARAMS', 400,
      "invalid params/room of the channel 'chat/:room': pass a non-empty string without a slash"],
    [() => rooms.of(chat, { room: 'x'.repeat(252) }), 'FST_CHANNELS_PARAMS', 400,
      "invalid params of the channel 'chat/:room': the address has 257 characters, at most 256 fit"],
    [() => lobby.broadcast('said', 5 as never), 'FST_CHANNELS_OUTGOING', 500,
      "invalid outgoing value in channel 'chat/:room', fromServer 'said', payload: Expected string"],
    usage(
      () => lobby.broadcast('sadi' as never, '' as never), "the contract declares no message 'sadi' from the server"
    ),
    usage(
      () => lobby.broadcast('said', 'x'.repeat(2 ** 20)),
      "the message 'said' has 1048627 bytes: send at most 1048576, which every client accepts",
      413
    ),
    usage(() => registry.disconnect({ userId: 7 as never }), 'the id of a user is not a string: pass a string', 400),
    usage(() => lobby.read(), "the channel 'chat/lobby' has no history"),
    usage(() => lobby.append('said' as never, '' as never, { after }),
      "the ephemeral message 'said' cannot be appended: use broadcast"),
    usage(
      () => drawing.append('drawn', 1, {} as never),
      "append of 'drawn' lacks 'after': pass the position that the history must be at",
      400
    ),
    usage(() => drawing.append('drawn', 1, { after: 'x' } as never),
      "append of 'drawn' lacks 'after': pass the position that the history must be at", 400),
    usage(() => drawing.append('drawn', 1, { after, snapshto: 1 } as never),
      "the options of append are invalid: pass an object with 'after', 'snapshot' only", 400),
    usage(() => lobby.broadcast('said', '', { exept: { id: 'x' } } as never),
      "the options of broadcast are invalid: pass an object with 'except' only", 400),
    usage(() => drawing.history({ befor: 1 } as never),
      "the options of a history are invalid: pass an object with 'before', 'limit' only", 400),
    usage(() => drawing.history(null as never),
      "the options of a history are invalid: pass an object with 'before', 'limit' only", 400),
    usage(() => drawing.history({ before: -1 }),
      "'before' of a history is invalid: pass the offset of a message", 400),
    usage(() => registry.list({}, null as never),
      "the options of a page are invalid: pass an object with 'limit', 'cursor' only", 400),
    usage(() => registry.list({}, { limt: 1 } as never),
      "the options of a page are invalid: pass an object with 'limit', 'cursor' only", 400),
    usage(() => drawing.append('drawn', 1, { after, snapshot: {} } as never),
      'the contract declares no snapshot for this history'),
    usage(() => (drawing.broadcast as (...args: unknown[]) => unknown)('drawn', 1, {}),
      "the persistent message 'drawn' is broadcast without options: use append"),
    usage(
      () => registry.send('u', own, 'notcie' as never, undefined as never),
      "the contract declares no message 'notcie' from the server"
    ),
    usage(() => registry.revoke({ userId: 'ann' }, Date.now() / 1_000 + 3_600),
      'the time when a revocation is over lies around 1970: ' +
      "pass milliseconds, where the claim 'exp' of a token counts seconds", 400),
    usage(() => registry.revoke({} as never, Date.now()), 'a revocation has no id: pass { userId } or { jti }', 400),
    usage(() => registry.revoke({ userId: 'u' }, undefined as never),
      'a revocation needs the time when it is over, in milliseconds since 1970', 400)
  ])
})

t.test('errors: a refused upgrade has a JSON body with its code, and says what to do', async (t) => {
  const body = async (options: ChannelsOptions, client: object = {}, protocols: string[] = [], path = '/ws') => {
    const { app, sink } = await makeApp(t, options)
    app.ws('/ws', implementations)
    const { url } = await listen(app, sink)
    const connecting = () => TestClient.connect(url + path, protocols, client)
    if (options.limits) await connecting()
    return connecting().then(() => '', (error: UpgradeRefused) => JSON.parse(error.body) as object)
  }
  const identify = () => ({ id: 'ann' })
  const foreign = { origin: 'https://elsewhere.example', headers: { host: 'a.example' } }
  type Refusal = readonly [body: unknown, statusCode: number, code: string, message: string, retryAfter?: number]
  const rows: readonly Refusal[] = [
    [await body({ identify }, {}, ['v1']), 400, 'FST_CHANNELS_BAD_HANDSHAKE',
      "No offered subprotocol is supported: offer 'fastify-channels.v1' too, or no subprotocol."],
    [await body({}), 401, 'FST_CHANNELS_UNAUTHENTICATED', 'Authentication is required: send a valid token.'],
    [await body({ identify }, foreign), 403, 'FST_CHANNELS_FORBIDDEN_ORIGIN', "The origin 'https://elsewhere.example' " +
      "is not that of this server, 'a.example': add it to the option 'origins', or let the proxy pass on Host, and " +
      "set 'trustProxy'."],
    [await body({ identify, origins: 'null' }, foreign), 403, 'FST_CHANNELS_FORBIDDEN_ORIGIN', "The option 'origins' " +
      "of the server 'a.example' does not allow the origin 'https://elsewhere.example': add it."],
    [await body({ identify, limits: { perUser: 1 } }), 429, 'FST_CHANNELS_TOO_MANY_CONNECTIONS',
      'Too many connections of this user: try again after the time in Retry-After.', 5_000],
    [await body({ identify, limits: { perIp: 1 } }), 429, 'FST_CHANNELS_TOO_MANY_CONNECTIONS',
      'Too many connections of this address: try again after the time in Retry-After.', 5_000],
    [await body({ identify, limits: { connections: 1 } }), 503, 'FST_CHANNELS_SERVER_FULL',
      'The server has no room for more connections: try again after the time in Retry-After.', 5_000],
    [await body({ identify: () => new Promise(() => {}), upgradeTimeout: 1 }), 503, 'FST_CHANNELS_UPGRADE_UNDECIDED',
      'The server is closing, or did not decide in time: try again after the time in Retry-After.', 1_000],
    [await body({}, {}, [], '/nowhere?token=secret'), 404, 'FST_CHANNELS_NO_SUCH_ROUTE',
      "No WebSocket route at GET '/nowhere?token=[redacted]': check the path."]
  ]
  for (const [actual, statusCode, code, message, retryAfter] of rows) {
    const shared = { statusCode, code, error: STATUS_CODES[statusCode], message }
    t.strictSame(actual, retryAfter === undefined ? shared : { ...shared, retryAfter }, code)
  }
})

t.test('errors: a failed request of the client says which message failed, where and why', async (t) => {
  const { app, sink } = await makeApp(t, { identify: () => ({ id: 'ann' }) })
  app.ws('/ws', implementations)
  app.ws('/own', [implement(defineConnection({ fromClient: {}, fromServer: {} }), { on: {} })])
  const { url } = await listen(app, sink)
  const client = connect(`${url}/ws`, { WebSocket })
  const owner = connect(`${url}/own`, { WebSocket })
  t.teardown(() => [client, owner].forEach((each) => each.close()))
  const lobby = await client.join('chat/:room', { room: 'lobby' })
  const left = await client.join('chat/:room', { room: 'left' })
  await left.leave()
  await lobby.send('misuse', undefined)
  await assertErrors(t, [
    [() => { throw caught.error }, 'FST_CHANNELS_USAGE', 500, "the message declares no error 'nope'"],
    [() => client.join('nowhere', {}), 'unknown_channel', 500,
      "'join' on 'nowhere' failed with unknown_channel: this route serves no such channel"],
    [() => client.join('chat/:room', { room: 'private' }), 'forbidden', 500,
      "'join' on 'chat/private' failed with forbidden: not allowed"],
    [() => lobby.send('shout', ''), 'unknown_type', 500,
      "'shout' on 'chat/lobby' failed with unknown_type: the channel has no such message"],
    [() => client.send('say', ''), 'unknown_type', 500, "'say' failed with unknown_type: the connection has no such " +
      'message: send it to a channel, or declare it with defineConnection'],
    [() => owner.send('own', ''), 'unknown_type', 500, "'own' failed with unknown_type: the connection has no such " +
      'message: send it to a channel, or declare it with defineConnection'],
    [() => lobby.send('say', 5), 'invalid_payload', 500,
      "'say' on 'chat/lobby' failed with invalid_payload: the payload does not match its schema: " +
      'Expected string'],
    [() => lobby.send('say', ''), 'muted', 500, "'say' on 'chat/lobby' failed with muted"],
    [() => left.send('say', ''), 'not_joined', 500,
      "'say' on 'chat/left' failed with not_joined: the channel has been left; join it again"],
    [() => { client.close(); return lobby.send('say', '') }, 'closed', 500,
      "'say' on 'chat/lobby' failed with closed: the client is closed; call open() to connect again"]
  ])
})

t.test('errors: connect throws a TypeError for a URL of another scheme than ws, wss, http and https', async (t) => {
  for (const url of ['ftp://localhost/ws', 'ws://localhost/ws#top', '/ws#top', 'ws']) {
    const advice = 'pass a ws: or wss: URL without a fragment'
    t.throws(() => connect(url, { autoConnect: false }).open(), new TypeError(`cannot connect to '${url}': ${advice}`))
  }
})

t.test('errors: connect throws a TypeError for a contract that is no fingerprint', async (t) => {
  for (const contract of ['', 'k3v', 'chat.contract.js']) {
    t.throws(() => connect('/ws', { contract }), new TypeError(`'${contract}' is no fingerprint`))
  }
})

t.test('errors: connect throws a TypeError where the platform has no WebSocket', async (t) => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  t.teardown(() => { if (own) Object.defineProperty(globalThis, 'WebSocket', own) })
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.throws(() => connect('ws://localhost/ws'),
    new TypeError("there is no global WebSocket: pass { WebSocket } of the package 'ws'"))
})
