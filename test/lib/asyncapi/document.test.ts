import { isDeepStrictEqual } from 'node:util'
import { Parser } from '@asyncapi/parser'
import { FormatRegistry, Type } from '@sinclair/typebox'
import t from 'tap'
import { asyncApiDocument } from '../../../lib/asyncapi/index.ts'
import type { AsyncApiDocument, DocumentedRoute, MessageObject } from '../../../lib/asyncapi/index.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { closeEvents } from '../../../lib/protocol/close-events.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'
import { metrics } from '../../../routes/dashboard/dashboard.contract.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import { documentChecks, type Validate } from '../../support/asyncapi/document-checks.ts'
import { full, fullRoute, likes, odd, quiet } from '../../support/asyncapi/full-contract.ts'
import { referencesIn, valueAt } from '../../support/asyncapi/json-pointers.ts'

for (const format of ['uuid', 'date-time']) FormatRegistry.Set(format, (text) => text !== 'text')
FormatRegistry.Set('date', () => false)

const routes: readonly DocumentedRoute[] = [
  { url: '/ws/chat', contracts: [chat], carriers: ['header', 'subprotocol', 'query'] },
  { url: '/ws/dashboard', contracts: [metrics] },
  { url: '/ws/editor', contracts: [editor], carriers: ['header', 'subprotocol', 'query'] },
  fullRoute
]
const settings = {
  info: { title: 'Everything', version: '1.2.3' }, servers: { production: { host: 'example.com', protocol: 'wss' } }
}
const document = asyncApiDocument(routes, settings)
const channels = Object.entries(document.channels)
const forum = document.channels['tenant-ws.forum-topic-thread-1-id'] as AsyncApiDocument['channels'][string]
const messages = channels.flatMap(([id, channel]) =>
  Object.entries(channel.messages).map(([name, message]) => [`${id} ${name}`, message as MessageObject] as const))

t.test('asyncapi: the parser finds nothing to say about the demos and a contract with every feature', async (t) => {
  const diagnostics = await new Parser().validate(JSON.stringify(document))
  t.strictSame(diagnostics.map(({ message, path }) => `${path.join('/')}: ${message}`), [])
})

t.test('asyncapi: every $ref has a target, and every id and component is used', async (t) => {
  const references = new Set(referencesIn(document))
  t.ok(references.size > 100, 'there are references')
  t.strictSame([...references].filter((reference) => valueAt(document, reference) === undefined), [])
  const components = Object.entries(document.components).flatMap(([kind, named]) =>
    Object.keys(named).map((name) => `#/components/${kind}/${name}`))
  t.strictSame(components.filter((pointer) => !references.has(pointer)), [], 'of components')
  const listed = channels.flatMap(([id, { messages }]) =>
    Object.keys(messages).map((name) => `#/channels/${id}/messages/${name}`))
  t.strictSame(listed.filter((pointer) => !references.has(pointer)), [], 'of messages')
})

t.test('asyncapi: every message of every contract is there, in its direction, with its replies', async (t) => {
  for (const { url, contracts } of routes) {
    for (const { pattern, definition } of contracts) {
      const about = pattern === '' ? { 'x-route': url } : { 'x-route': url, 'x-pattern': pattern }
      const [id] = channels.find(([, channel]) => Object.entries(about).every(([key, is]) => channel[key] === is)) ?? []
      const operations = Object.values(document.operations).filter(({ channel }) => channel.$ref === `#/channels/${id}`)
      const sent = (action: string, type: string) => operations.find((operation) => operation.action === action &&
        (valueAt(document, operation.messages[0]?.$ref as string) as MessageObject).name === type)
      for (const [type, { errors = {} }] of Object.entries(definition.fromClient)) {
        const replies = sent('receive', type)?.reply?.messages
        t.equal(replies?.length, 2 + Object.keys(errors).length, `${pattern} ${type} has its replies`)
      }
      for (const type of Object.keys(definition.fromServer)) t.ok(sent('send', type), `${pattern} ${type} is sent`)
    }
  }
})

const examplesOf = ({ examples = [] }: MessageObject) => examples as ReadonlyArray<{ readonly payload: unknown }>

t.test('asyncapi: every example is a whole envelope that matches the payload of its message', async (t) => {
  const checks = await documentChecks(document)
  const wrong = messages.flatMap(([name, message]) =>
    examplesOf(message).filter(({ payload }) => !checks.get(name)?.(payload)).map(({ payload }) => [name, payload]))
  t.strictSame(wrong, [])
  const without = messages.filter(([, message]) => examplesOf(message).length === 0).map(([name]) => name)
  t.strictSame(without, ['tenant-ws.odd-brace-id event'], 'without an example where no value can be made up')
  const [, add] = messages.find(([, { name }]) => name === 'post.add') as [string, MessageObject]
  const channel = 'forum/help/thread-1/first-post'
  t.match(examplesOf(add), [{
    payload: { type: 'post.add', channel, correlationId: 'c1', payload: { tags: ['x'] } }
  }], 'the example of the contract, in an envelope')
  const isValid = checks.get('tenant-ws.forum-topic-thread-1-id comment.add') as Validate
  const comment = { type: 'comment.add', channel, payload: { text: 'so so', answers: [] } }
  t.strictSame([comment, { ...comment, channel: 'forum/help/thread-2/x' }].map(isValid), [true, false])
})

t.test('asyncapi: the document says what the contract says, and nothing of TypeBox is left', async (t) => {
  t.ok(isDeepStrictEqual(JSON.parse(JSON.stringify(document)), document), 'plain JSON')
  t.notMatch(JSON.stringify(document), /Symbol|"T\d+"|TypeBox|"type":"RegExp"/)
  t.match(forum, {
    address: 'forum/{topic}/thread-1/{id}',
    parameters: {
      topic: { enum: ['news', 'help'], default: 'help', description: 'what it is about' },
      id: { examples: ['first-post'], 'x-schema': { type: 'string', pattern: '^[a-z0-9-]{1,40}$' } }
    },
    'x-namespace': 'v2',
    'x-shared': true,
    'x-presence': { list: 'count', data: { $ref: '#/components/schemas/WhoamiReply' } },
    'x-history': {
      limit: 50,
      ttl: 60_000,
      initial: 10,
      durable: 'replica',
      snapshot: { properties: { posts: { items: { $ref: '#/components/schemas/Post' } } } }
    }
  })
  t.strictSame(Object.keys((forum['x-params'] as typeof full.definition.params).properties), ['topic', 'id'])
  const operation = (name: string) => document.operations[`tenant-ws.forum-topic-thread-1-id.${name}`]
  t.match(operation('post.add'), {
    action: 'receive',
    'x-idempotent': true,
    'x-rate-limit': { max: 5, timeWindow: 1_000 },
    'x-errors': { muted: { type: 'object' }, 'too long': { type: 'null' }, odd: {} }
  })
  t.match(operation('posted'), { action: 'send', 'x-persistent': true, 'x-when-slow': 'disconnect' })
  t.match(operation('drawn'), { 'x-persistent': true, 'x-when-slow': 'skip' })
  t.match(operation('moved'), { 'x-persistent': false, 'x-when-slow': { latest: '/by/id' } })
  const both = ['ping.user', 'ping.user.send'].map((name) => operation(name)?.action)
  t.strictSame(both, ['receive', 'send'], 'a type in both directions')
})

t.test('asyncapi: the connection has the upgrade, its limits and every close code', async (t) => {
  const connection = document.channels['tenant-ws'] as AsyncApiDocument['channels'][string]
  t.match(connection, {
    address: '/{tenant}/ws/{wildcard}',
    summary: 'The forum',
    description: 'All of the forum.',
    tags: [{ name: 'forum' }, { name: 'v2' }],
    parameters: { tenant: { enum: ['a', 'b'], description: 'whose forum' }, wildcard: { 'x-schema': {} } },
    'x-subprotocol': 'fastify-channels.v1',
    'x-limits': { messageBytes: 65_536, channels: 100 },
    'x-patterns': [full, quiet, odd, ...likes].map(({ pattern }) => pattern)
  })
  t.match(valueAt(document, (connection.bindings as { $ref: string }).$ref), {
    ws: {
      method: 'GET',
      query: { type: 'object', required: ['device'], properties: { token: {}, device: { type: 'string' } } },
      headers: { type: 'object', properties: { 'x-trace': { type: 'string' }, 'Sec-WebSocket-Protocol': {} } },
      bindingVersion: '0.1.0'
    }
  })
  const events = connection['x-close-codes'] as ReadonlyArray<{ readonly event: string }>
  t.strictSame(events.map(({ event }) => event), Object.keys(closeEvents))
  t.match(events.find(({ event }) => event === 'expired'), { code: 3000, client: 'reconnects with a new token' })
})

t.test('asyncapi: each route names the ways in which its token travels', async (t) => {
  t.match(document.components.securitySchemes, {
    'header-token': { type: 'http', scheme: 'bearer' },
    'subprotocol-token': { type: 'httpApiKey', in: 'header', name: 'Sec-WebSocket-Protocol' },
    'query-token': { type: 'httpApiKey', in: 'query', name: 'token' },
    'cookie-my-token': { type: 'httpApiKey', in: 'cookie', name: 'my token' },
    session: { type: 'httpApiKey', in: 'cookie', name: 'sid' }
  })
  const securityOf = (operation: string) => document.operations[operation]?.security
  t.equal((securityOf('tenant-ws.whoami') as object[]).length, 5)
  t.equal(securityOf('ws-dashboard.metrics.changed'), undefined, 'none on a public route')
  t.ok(document.operations['ws-chat.refresh'], 'a token can be refreshed')
  t.notOk(document.operations['ws-dashboard.refresh'], 'unless there is none')
})

t.test('asyncapi: the same routes give the same document, also without settings', async (t) => {
  t.ok(isDeepStrictEqual(asyncApiDocument(routes, settings), document))
  const plain = asyncApiDocument([{ url: '/', contracts: [] }])
  t.match(plain, { asyncapi: '3.1.0', info: { title: 'WebSocket API' }, channels: { unnamed: { address: '/' } } })
  t.notOk('servers' in plain || 'securitySchemes' in plain.components)
})

t.test('asyncapi: an example that breaks its schema is refused with its place', async (t) => {
  const withPayload = (payload: ReturnType<typeof Type.Object>) =>
    () => asyncApiDocument([{
      url: '/ws',
      contracts: [defineChannel({
        pattern: 'a', fromClient: { say: { payload } }, fromServer: {}
      })]
    }])
  const refused = (payload: ReturnType<typeof Type.Object>, message: string) =>
    t.throws(withPayload(payload), { message })
  refused(Type.Object({ n: Type.Integer() }, { examples: [{ n: 1 }, { n: 'x' }] }),
    "an example that breaks its schema in channel 'a', fromClient 'say', payload, examples/1/n: change it, " +
    'because the schema says: Expected integer')
  refused(Type.Object({ list: Type.Array(Type.Integer({ examples: ['x'] })) }),
    "an example that breaks its schema in channel 'a', fromClient 'say', payload/list/*, examples/0: change it, " +
    'because the schema says: Expected integer')
  refused(Type.Object({}, { examples: { n: 1 } as never }),
    "invalid 'examples' in channel 'a', fromClient 'say', payload: pass an array of values")
})

t.test('asyncapi: the addresses of routes are those of Fastify, without what AsyncAPI cannot say', async (t) => {
  const addresses = [
    ['/ws/:tenant(^\\d{2}$)/:kind?', '/ws/{tenant}/{kind}'], ['/a::b/:x-:y', '/a:b/{x}-{y}'], ['/*', '/{wildcard}'],
    ['/{odd}', null]
  ] as const
  const found = addresses.map(([url]) => Object.values(asyncApiDocument([{ url, contracts: [] }]).channels)[0]?.address)
  t.strictSame(found, addresses.map(([, address]) => address))
})

t.test('asyncapi: a route without schemas and tokens has a binding all the same', async (t) => {
  const { components } = asyncApiDocument([{ url: '/a', contracts: [] }, {
    url: '/b', contracts: [], carriers: ['query'], query: { type: 'object' }
  }, { url: '/c', contracts: [], query: { properties: { x: {} } } }])
  const bindings = components.channelBindings as Record<string, { ws: { query?: { properties: object } } }>
  const queries = ['a', 'b', 'c'].map((name) => Object.keys(bindings[name]?.ws.query?.properties ?? {}))
  t.strictSame(queries, [[], ['token'], ['x']])
})
