import { isDeepStrictEqual } from 'node:util'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifyJwt from '@fastify/jwt'
import fastifyRateLimit from '@fastify/rate-limit'
import { Type } from '@sinclair/typebox'
import fastify, { type FastifyInstance, type onRequestAsyncHookHandler } from 'fastify'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { AsyncApiDocument, OperationObject, Reference } from '../../lib/asyncapi/index.ts'
import { yamlOf } from '../../lib/asyncapi/yaml.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import { channels, defineChannel, implement, type ChannelsOptions } from '../../plugins/channels.ts'
import { buildApp } from '../../routes/app.ts'
import { documentChecks } from '../support/asyncapi/document-checks.ts'
import { serveDemo } from '../support/demo.ts'
import { secret } from '../support/serve.ts'
import { recordWire, type WireMessage } from '../support/wire-schemas.ts'

const info = { title: 'Demo', version: '1.0.0', description: 'A chat, a dashboard, an editor.' }
const servers = { local: { host: 'localhost:3000', protocol: 'ws' } }
const bells = defineChannel({ pattern: 'bells', fromClient: {}, fromServer: { rang: {} } })
const implemented = [implement(bells, { on: {} })]

t.test('asyncapi: the demo serves its document as JSON and as YAML, once the option is given', async (t) => {
  const app = await buildApp({ channels: { asyncapi: { info, servers } } })
  t.teardown(() => app.close())
  const json = await app.inject('/asyncapi.json')
  t.match(json.headers['content-type'], /^application\/json/)
  const document = json.json<AsyncApiDocument>()
  t.ok(isDeepStrictEqual(document, await app.channels.asyncapi()), 'the document of the service')
  t.strictSame([document.info, document.servers], [info, servers])
  t.strictSame(Object.values(document.channels).map(({ address }) => address),
    ['/ws/chat', 'chat/{room}', '/ws/dashboard', 'metrics', '/ws/editor', 'doc/{id}'])
  const yaml = await app.inject('/asyncapi.yaml')
  t.equal(yaml.headers['content-type'], 'application/yaml')
  t.ok(isDeepStrictEqual(parse(yaml.body), document), 'the same in YAML')
  t.notMatch(yaml.body, /[&*]a\d/, 'without anchors')
  t.match(await app.channels.asyncapi({ info: { title: 'Other', version: '2' } }), { info: { title: 'Other' } })
})

t.test('asyncapi: without the option nothing is served, and a hook protects what is', async (t) => {
  const plain = await makeServer(t)
  t.equal((await plain.inject('/asyncapi.json')).statusCode, 404)
  t.match(await plain.channels.asyncapi(), { info: { title: 'WebSocket API' } }, 'the document can be had all the same')
  const onRequest: onRequestAsyncHookHandler = async (request, reply) =>
    'x-key' in request.headers ? undefined : reply.code(403).send()
  const app = await makeServer(t, { asyncapi: { path: '/docs/channels', onRequest } })
  const statusOf = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode
  t.strictSame([await statusOf('/docs/channels.json'), await statusOf('/docs/channels.yaml')], [403, 403])
  t.equal(await statusOf('/docs/channels.json', { 'x-key': '1' }), 200)
})

t.test('asyncapi: the page is served at the path, with the headers that it needs', async (t) => {
  const app = await makeServer(t, { asyncapi: { info: { title: '<Bells>', version: '1' } } })
  app.ws('/ws', { public: true }, implemented)
  const page = await app.inject('/asyncapi')
  t.match(page, {
    statusCode: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
      'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/
    }
  })
  t.match(page.body, '<h1>&lt;Bells&gt; <small>1</small></h1>')
  t.match(page.body, 'data-message="#/channels/ws.bells/messages/rang"')
  t.match(page.body, 'href="./asyncapi.json"')
  t.match(await app.inject('/asyncapi/page.css'), {
    statusCode: 200,
    headers: {
      'content-type': 'text/css; charset=utf-8', 'x-content-type-options': 'nosniff'
    }
  })
})

t.test('asyncapi: the script of the page is served as modules, and nothing else is', async (t) => {
  const app = await makeServer(t, { asyncapi: { path: '/docs' } })
  app.ws('/ws', { public: true }, implemented)
  const { body } = await app.inject('/docs')
  const addresses = [...body.matchAll(/ (?:src|href)="\.(\/docs\/[^"]+\.(?:js|css))"/g)].map(([, address]) => address as string)
  t.ok(addresses.length > 50, 'there are modules')
  const [entry = ''] = addresses.filter((address) => address.endsWith('/main.js'))
  const served = await Promise.all([...addresses, '/docs/contracts.js'].map((address) => app.inject(address)))
  t.strictSame(served.map(({ statusCode }) => statusCode).filter((status) => status !== 200), [])
  const module = await app.inject(entry)
  t.match(module.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'private, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff'
  })
  t.notMatch(module.body, /sourceMappingURL/)
  t.match((await app.inject('/docs/contracts.js')).body, /^export const routes = /m)
  const version = entry.split('/')[3] as string
  for (const path of [
    `${version}/api-page/browser/`, `${version}/../package.json`, `${version}/%2e%2e/%2e%2e/package.json`,
    `${version}/server/node.js`, `${version}/__proto__`, entry.replace(/.*modules\/\w+/, 'other')
  ]) t.equal((await app.inject(`/docs/modules/${path}`)).statusCode, 404, path)
})

t.test('asyncapi: the page is served where requests are limited', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(fastifyRateLimit, { max: 5 })
  await app.register(channels, { asyncapi: {} })
  const { body } = await app.inject('/asyncapi')
  const addresses = [...body.matchAll(/ href="\.(\/asyncapi\/[^"]+)"/g)].map(([, address]) => address as string)
  const statuses = await Promise.all(addresses.map(async (address) => (await app.inject(address)).statusCode))
  t.strictSame([...new Set(statuses)], [200])
  const pages = await Promise.all(Array.from({ length: 5 }, () => app.inject('/asyncapi')))
  t.ok(pages.some(({ statusCode }) => statusCode === 429), 'the page itself counts')
})

t.test('asyncapi: a policy of the application stays, and a path with a slash at its end has its parts', async (t) => {
  const app = fastify({ routerOptions: { ignoreTrailingSlash: true } })
  t.teardown(() => app.close())
  await app.register(fastifyHelmet)
  await app.register(channels, { asyncapi: { path: '/docs/channels' } })
  const page = await app.inject('/docs/channels/?a=/b')
  t.match(page.headers['content-security-policy'], /upgrade-insecure-requests/)
  t.match(page.body, 'href="../channels.json"')
  t.match(page.body, 'href="../channels/page.css"')
})

t.test('asyncapi: in production there is no page unless it is asked for, and a hook protects it', async (t) => {
  const { NODE_ENV } = process.env
  t.teardown(() => {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  })
  const statusesOf = async (options: ChannelsOptions) => {
    const app = await makeServer(t, options)
    const urls = ['/asyncapi', '/asyncapi/page.css', '/asyncapi/contracts.js', '/asyncapi.json']
    return Promise.all(urls.map(async (url) => (await app.inject(url)).statusCode))
  }
  const onRequest: onRequestAsyncHookHandler = async (_request, reply) => reply.code(403).send()
  process.env.NODE_ENV = 'production'
  t.strictSame(await statusesOf({ asyncapi: {} }), [404, 404, 404, 200])
  t.strictSame(await statusesOf({ asyncapi: { page: true } }), [200, 200, 200, 200])
  delete process.env.NODE_ENV
  t.strictSame(await statusesOf({ asyncapi: {} }), [200, 200, 200, 200])
  t.strictSame(await statusesOf({ asyncapi: { page: false } }), [404, 404, 404, 200])
  t.strictSame(await statusesOf({ asyncapi: { onRequest } }), [403, 403, 403, 403])
  t.strictSame(await statusesOf({}), [404, 404, 404, 404])
})

async function makeServer (
  t: Test, options: ChannelsOptions = {}, before?: (app: FastifyInstance) => unknown
): Promise<FastifyInstance> {
  const app = fastify()
  t.teardown(() => app.close())
  await before?.(app)
  await app.register(channels, options)
  return app
}

/** What the first operation of a route accepts: the names of its security schemes. */
async function securityOf (app: FastifyInstance): Promise<string[]> {
  const { operations } = await app.channels.asyncapi()
  const [first] = Object.values(operations) as [OperationObject]
  return (first.security as readonly Reference[] | undefined ?? []).map(({ $ref }) => $ref.split('/').at(-1) as string)
}

const identify = () => ({ id: 'ann' })
const session = { session: { type: 'httpApiKey', in: 'cookie', name: 'sid' } }
const token = ['header-token', 'subprotocol-token', 'query-token']
const cookie = { cookieName: 'auth', signed: false }

type Row = readonly [options: ChannelsOptions, route: object, expected: readonly string[]]

const carriers: Readonly<Record<string, Row>> = {
  'a token': [{ jwt: { secret } }, {}, token],
  'a token, also in a cookie': [{ jwt: { secret, cookie } }, {}, [...token, 'cookie-auth']],
  'a token in a cookie only': [{ jwt: { secret, cookie, verify: { onlyCookie: true } } }, {}, ['cookie-auth']],
  'a token elsewhere': [{ jwt: { secret, verify: { extractToken: () => 'x' } } }, {}, []],
  'a function': [{ identify, asyncapi: { securitySchemes: session } }, {}, ['session']],
  'a function of the route': [{ jwt: { secret }, asyncapi: { securitySchemes: session } }, { identify }, ['session']],
  'a token of a namespace': [{ identify, jwt: { secret, namespace: 'a' } }, { jwt: 'a' }, token],
  'a token of the only namespace': [{ jwt: { secret, namespace: 'a', jwtVerify: 'v' } }, {}, token],
  'a token of a named method': [
    { jwt: { secret, namespace: 'a', jwtVerify: 'v' } }, { jwt: { namespace: 'a', jwtVerify: 'v' } }, token
  ],
  nothing: [{ asyncapi: { securitySchemes: session } }, { public: true, identify }, []]
}

for (const [name, [options, route, expected]] of Object.entries(carriers)) {
  t.test(`asyncapi: a route with ${name} names where it travels`, async (t) => {
    const app = await makeServer(t, options, (app) => app.register(fastifyCookie))
    app.ws('/ws', route, implemented)
    t.strictSame(await securityOf(app), expected)
  })
}

t.test('asyncapi: a route with the application\'s own @fastify/jwt names its carriers', async (t) => {
  const app = await makeServer(t, {}, (app) => app.register(fastifyJwt, { secret, namespace: 'own' }))
  app.ws('/ws', { jwt: 'own' }, implemented)
  t.strictSame(await securityOf(app), token)
})

t.test('asyncapi: a route has its prefix, its texts and its schemas, with those of addSchema', async (t) => {
  const app = await makeServer(t)
  app.addSchema({ $id: 'device', definitions: { kind: { enum: ['phone', 'desk'] } }, again: { $ref: 'device#/again' } })
  await app.register(async (app) => {
    const querystring = {
      type: 'object',
      properties: {
        device: { $ref: 'device#/definitions/kind' },
        loop: { $ref: 'device#/again' },
        any: { type: ['string', 'null'] },
        gone: { $ref: '#/definitions/gone' }
      }
    }
    const params = Type.Object({ tenant: Type.String({ description: 'whose' }) })
    const schema = { querystring, params, summary: 'Bells', description: 'All of them.', tags: ['bells'] }
    app.ws('/:tenant/ws', { public: true, schema, limits: { channels: 7 } }, implemented)
    const foreign = { headers: { parse: () => {} } }
    app.ws('/', { public: true, schema: foreign, validatorCompiler: () => () => true }, implemented)
    app.ws('/hidden', { public: true, schema: { hide: true } as object }, implemented)
  }, { prefix: '/api' })
  app.ws('/', { public: true }, implemented)
  const { channels: found, components } = await app.channels.asyncapi()
  t.strictSame(Object.values(found).map((channel) => channel['x-route']),
    ['/api/:tenant/ws', '/api/:tenant/ws', '/api', '/api', '/', '/'])
  t.match(found['api-tenant-ws'], {
    summary: 'Bells',
    description: 'All of them.',
    tags: [{ name: 'bells' }],
    parameters: { tenant: { description: 'whose' } },
    'x-limits': { messageBytes: 65_536, channels: 7 }
  })
  interface Binding { readonly ws: { readonly query: object, readonly headers: { readonly properties: object } } }
  const bindings = components.channelBindings as Readonly<Record<string, Binding>>
  t.match(bindings['api-tenant-ws']?.ws.query, {
    properties: {
      device: { enum: ['phone', 'desk'] }, loop: {}, any: { type: ['string', 'null'] }, gone: {}
    }
  })
  t.strictSame(Object.keys(bindings.api?.ws.headers.properties ?? {}), ['Sec-WebSocket-Protocol'])
})

t.test('asyncapi: an example that breaks its schema stops the start', async (t) => {
  const wrong = defineChannel({
    pattern: 'a', fromClient: {}, fromServer: { b: { payload: Type.Integer({ examples: ['x'] }) } }
  })
  const app = await makeServer(t, { asyncapi: {} })
  app.ws('/ws', { public: true }, [implement(wrong, { on: {} })])
  await t.rejects(async () => await app.ready(), {
    code: 'FST_CHANNELS_CONTRACT', message: /^an example that breaks its schema in channel 'a'/
  })
})

t.test('asyncapi: YAML without the package names it', async (t) => {
  const load = async () => { throw new Error('Cannot find package') }
  await t.rejects(yamlOf({} as AsyncApiDocument, load), {
    code: 'FST_CHANNELS_NO_YAML',
    statusCode: 501,
    message: "the package 'yaml' is not installed for an AsyncAPI document in YAML: install it with npm install " +
      'yaml, or use JSON'
  })
})

/** The messages of a document that an envelope may be, as `channel message`. */
function namesOf ({ channels: all, operations }: AsyncApiDocument, sent: WireMessage, route: string): string[] {
  const { channel = null, type } = sent.message as Envelope
  const action = sent.schema.startsWith('fromClient') ? 'receive' : 'send'
  const [id] = Object.entries(all).find(([, found]) => found['x-route'] === route &&
    (found['x-pattern'] === undefined ? channel === null : channel?.startsWith('chat/'))) as [string, unknown]
  const of = Object.values(operations).filter((operation) => operation.channel.$ref === `#/channels/${id}`)
  const direct = of.filter((operation) => operation.action === action).flatMap(({ messages }) => messages)
  const replies = action === 'send' ? of.flatMap(({ reply }) => reply?.messages ?? []) : []
  return [...direct, ...replies].map(({ $ref }) => `${id} ${$ref.split('/').at(-1)}`)
    .filter((name) => (all[id]?.messages[name.split(' ')[1] as string] as { name: string }).name === type)
}

t.test('asyncapi: what travels between a client and the demo matches the document', async (t) => {
  const demo = await serveDemo(t)
  const document = await demo.app.channels.asyncapi()
  const checks = await documentChecks(document)
  const { client } = await demo.connect('Ann')
  const record: WireMessage[] = []
  recordWire(client, record)
  await client.request('join', 'chat/lobby')
  await client.request('message.send', 'chat/lobby', { text: 'hello' })
  await client.request('typing', 'chat/lobby', { active: true })
  await client.request('message.send', 'chat/lobby', {}).catch(() => {})
  await client.request('history', 'chat/lobby', { limit: 1 })
  await client.request('ping')
  await client.request('leave', 'chat/lobby')
  const wrong = record.filter((sent) => !namesOf(document, sent, '/ws/chat').some((name) =>
    checks.get(name)?.(JSON.parse(JSON.stringify(sent.message)))))
  t.ok(record.length > 14, 'there are messages')
  t.strictSame(wrong.map(({ message }) => message).filter(({ payload }) => JSON.stringify(payload) !== '{}'), [])
  t.equal(wrong.length, 1, 'the one that the server refused')
})
