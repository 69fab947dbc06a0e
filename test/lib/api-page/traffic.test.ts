import { Type } from '@sinclair/typebox'
import t from 'tap'
import { seenMessages } from '../../../lib/api-page/browser/seen-messages.ts'
import { clientCode, wscatLine, type SampleMessage } from '../../../lib/api-page/trial/snippets.ts'
import { MessageIssues } from '../../../lib/api-page/traffic/message-issue.ts'
import { maxEntries, Traffic, type TrafficEntry } from '../../../lib/api-page/traffic/traffic.ts'
import { TrafficView } from '../../../lib/api-page/traffic/traffic-view.ts'
import { defineChannel, defineConnection } from '../../../lib/contract/define-channel.ts'
import { pageContracts } from '../../support/api-page/contracts.ts'
import { becomeBrowser, TestPage } from '../../support/api-page/dom.ts'
import { sample } from '../../support/api-page/sample-message.ts'

const room = defineChannel({
  pattern: 'room/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    say: { payload: Type.String(), reply: Type.Integer(), errors: { muted: Type.Object({ until: Type.Integer() }) } },
    wave: {}
  },
  fromServer: { said: { payload: Type.String() }, waved: {} },
  history: { limit: 1, ttl: 1 }
})
const own = defineConnection({ fromClient: { who: {} }, fromServer: { named: { payload: Type.String() } } })

async function trafficOf () {
  const issues = new MessageIssues(await pageContracts([{ url: '/ws', contracts: [room, own] }]))
  let now = 1_000
  const traffic = new Traffic((found) => issues.of(found), () => now++)
  const entries: TrafficEntry[] = []
  traffic.onEntry((entry) => entries.push(entry))
  const add = (direction: TrafficEntry['direction'], envelope: unknown, route = '/ws') => {
    traffic.add(direction, route, typeof envelope === 'string' ? envelope : JSON.stringify(envelope))
    return entries.at(-1) as TrafficEntry
  }
  return { traffic, add }
}

const channel = 'room/1'

t.test('API page: each message is compared with what the contract says of it', async (t) => {
  const { add } = await trafficOf()
  const sent: ReadonlyArray<readonly [envelope: unknown, issue: string | undefined]> = [
    [{ type: 'say', channel, payload: 'hi' }, undefined],
    [{ type: 'say', channel, payload: 1 }, '/payload: Expected string'],
    [{ type: 'wave', channel, payload: null }, undefined],
    [{ type: 'wave', channel, payload: 1 }, '/payload: The message has no payload'],
    [{ type: 'who' }, undefined],
    [{ type: 'ping', channel: null }, undefined],
    [{ type: 'join', channel }, undefined],
    [{ type: 'leave', channel }, undefined],
    [{ type: 'history', channel, payload: { limit: 'x' } }, '/payload/limit: Expected integer'],
    [{ type: 'toString', channel }, '/type: Expected a declared message'],
    [{ type: 'say', channel: 'other' }, '/type: Expected a declared message'],
    ['[1]', ': Expected a JSON object'],
    ['{', ': Expected a JSON object']
  ]
  for (const [envelope, issue] of sent) t.equal(add('sent', envelope).issue, issue, JSON.stringify(envelope))
  const received: typeof sent = [
    [{ type: 'said', channel, payload: 'hi' }, undefined],
    [{ type: 'said', channel, payload: 1 }, '/payload: Expected string'],
    [{ type: 'waved', channel }, undefined],
    [{ type: 'waved', channel, payload: {} }, '/payload: The message has no payload'],
    [{ type: 'named', payload: 'ann' }, undefined],
    [{ type: 'constructor', channel }, '/type: Expected a declared message'],
    [{ type: 'reconnect', payload: { delay: -1 } }, '/payload/delay: Expected number to be greater or equal to 0'],
    [{ type: 'error', payload: { code: 'rate_limited', message: 'm' } }, undefined],
    [{ type: 'left', channel, payload: {} }, '/payload/code: Expected required property']
  ]
  for (const [envelope, issue] of received) t.equal(add('received', envelope).issue, issue, JSON.stringify(envelope))
  t.equal(add('sent', { type: 'say', channel, payload: 'a' }, '/other').issue, '/type: Expected a declared message')
})

t.test('API page: a reply is compared with the reply that the message declares', async (t) => {
  const { add } = await trafficOf()
  const replyTo = (request: object, reply: object) => {
    add('sent', { channel, ...request, correlationId: 'c' })
    return add('received', { channel, ...reply, correlationId: 'c' })
  }
  const say = { type: 'say', payload: 'hi' }
  const found = replyTo(say, { type: 'ack', payload: 1 })
  t.match(found, { issue: undefined, request: { envelope: { type: 'say' } }, bytes: 65 })
  t.equal(found.at - (found.request?.at ?? 0), 1)
  t.equal(replyTo(say, { type: 'ack', payload: 'x' }).issue, '/payload: Expected integer')
  const error = (payload: object) => ({ type: 'error', payload: { message: 'm', ...payload } })
  t.equal(replyTo(say, error({ code: 'muted', details: { until: 1 } })).issue, undefined)
  t.equal(replyTo(say, error({ code: 'muted', details: {} })).issue,
    '/payload/details/until: Expected required property')
  t.equal(replyTo(say, error({ code: 'timeout' })).issue, undefined)
  t.equal(replyTo(say, error({})).issue, '/payload/code: Expected required property')
  t.equal(replyTo({ type: 'history' }, { type: 'ack', payload: {} }).issue, undefined)
  t.match(replyTo({ type: 'join' }, { type: 'ack', payload: { recovered: true } }).issue, /^\/payload: Expected union/)
  t.equal(add('received', { type: 'ack', channel, correlationId: 'c' }).request, undefined, 'a request has one reply')
  add('sent', { ...say, channel, correlationId: 'old' })
  for (let i = 0; i < maxEntries; i++) add('sent', { ...say, channel, correlationId: `${i}` })
  const late = add('received', { type: 'ack', channel, correlationId: 'old' })
  t.equal(late.request, undefined, 'it is forgotten in the end')
})

t.test('API page: the list of messages is bounded, also while it is paused', async (t) => {
  becomeBrowser(t)
  const { traffic, add } = await trafficOf()
  const view = new TrafficView(traffic)
  const page = new TestPage(view.element)
  add('sent', 'x'.repeat(5_000))
  t.match(page.text, `${'x'.repeat(4_000)}…`)
  t.notMatch(page.text, 'x'.repeat(4_001))
  for (let i = 0; i < maxEntries; i++) add('received', { type: 'presence', channel, payload: { count: i } })
  t.equal(page.all('li').length, maxEntries)
  page.click('Pause')
  for (let i = 0; i < maxEntries + 5; i++) add('sent', { type: 'wave', channel })
  t.equal(page.all('[data-kind=presence]').length, maxEntries, 'nothing moves')
  page.click('Pause')
  t.equal(page.all('[data-kind=sent]').length, maxEntries)
})

t.test('API page: an operation of the server shows how often its message came, and whether it was valid', async (t) => {
  becomeBrowser(t)
  const { traffic, add } = await trafficOf()
  const shown = seenMessages(traffic, { route: '/ws', type: 'said', isOfChannel: (address) => address === channel })
  add('received', { type: 'said', channel: 'room/2', payload: 'other' })
  add('received', { type: 'said', channel, payload: 'hi' }, '/other')
  t.match(shown.textContent, 'not received yet')
  add('received', { type: 'said', channel, payload: 7 })
  t.match(shown.textContent, 'received 1 times, the last one invalid: /payload: Expected string{"type":"said"')
})

t.test('API page: a line for wscat has the address, the subprotocols and the envelopes', async (t) => {
  const subprotocol = { ...sample, carrier: 'subprotocol', payload: "it's" } as const
  t.equal(wscatLine(subprotocol, 'id'), "wscat -c 'ws://localhost:3000/ws' " +
    '-s fastify-channels.v1 -s "bearer.$TOKEN" -x \'{"type":"join","channel":"room/1","correlationId":"join"}\' ' +
    '-x \'{"type":"say","channel":"room/1","payload":"it\'\\\'\'s","correlationId":"id"}\'')
  const query = { ...sample, carrier: 'query', url: 'ws://h/?a=b', address: undefined, type: 'ping' } as const
  t.equal(wscatLine(query, 'id').slice(0, 60),
    "wscat -c 'ws://h/?a=b&token='\"$TOKEN\" -s fastify-channels.v1")
})

t.test('API page: client code has the contract, the params and the payload', async (t) => {
  t.equal(clientCode(sample), `import { connect } from 'fastify-channels/client'
import type { room } from './room.contract.js'

const client = connect<typeof room>('ws://localhost:3000/ws')
const channel = await client.join('room/:id', {
  id: "1"
}, { onResync: () => {} })
const reply = await channel.send('say', "hi")
console.log(reply)
client.close()
`)
  const code = (change: Partial<SampleMessage>) => clientCode({ ...sample, hasReply: false, ...change })
  t.match(code({ carrier: 'query' }), "const token = '…'\nconst client = connect<typeof room>('ws://localhost:3000/ws', " +
    '{ token: () => token })')
  t.match(code({ pattern: 'bells', params: {}, hasHistory: false }), "await client.join('bells')\n")
  t.match(code({ pattern: '1/a-b/:id' }), 'import type { contract1AB }')
  t.match(code({ pattern: '', type: "who's", payload: undefined }), "\nawait client.send('who\\'s')\n")
  t.match(code({ pattern: '', type: 'refresh', payload: { token: 'x' } }), '\nawait client.refresh()\n')
  t.match(code({ type: 'history', payload: { limit: 10 } }), '\nawait channel.history({\n  limit: 10\n})\n')
  t.match(code({ type: 'history', payload: undefined }), '\nawait channel.history()\n')
  const payload = JSON.parse('{ "__proto__": 1, "a-b": "\\"c\\": \\u2028", "d": [{ "e": null }] }') as unknown
  const written = code({ payload })
  t.match(written, "['__proto__']: 1,")
  t.match(written, '"a-b": "\\"c\\": \\u2028",')
  t.match(written, 'e: null')
})
