import { FormatRegistry, Type, TypeRegistry, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { compileValidator, noPayload, compileOutgoing } from '../../../lib/contract/schema/validators.ts'
import { compileChannel } from '../../../lib/contract/compile.ts'
import { ContractError } from '../../../lib/contract/contract-errors.ts'
import {
  defineChannel, defineConnection, type AnyChannel, type ChannelDefinition, type FromServerDefinition,
  type HistoryDefinition
} from '../../../lib/contract/define-channel.ts'
import { differenceOf } from '../../../lib/contract/parts/sharing.ts'
import { addressOf, matchPattern, overlap, parsePattern, patternRule } from '../../../lib/contract/pattern.ts'
import { closeSchema } from '../../../lib/contract/schema/close-schema.ts'
import { Random } from '../../support/random.ts'

const matched = (pattern: string, address: string) => matchPattern(parsePattern(pattern), address)
const overlaps = (a: string, b: string) => overlap(parsePattern(a), parsePattern(b))

t.test('contract: whenSlow decides how a message is sent to a connection that reads too slowly', async (t) => {
  const compiled = (whenSlow: FromServerDefinition['whenSlow'] | undefined, history?: HistoryDefinition) => {
    const moved = { payload: Type.Unknown(), ...(whenSlow !== undefined && { whenSlow }) }
    const { fromServer } = compileChannel({
      pattern: 'x', definition: { pattern: 'x', fromClient: {}, fromServer: { moved }, ...(history && { history }) }
    })
    return fromServer.get('moved')?.whenSlow as (payload: unknown, channel?: string) => unknown
  }
  for (const none of [undefined, 'disconnect'] as const) t.equal(compiled(none)({}), undefined)
  t.equal(compiled('drop')({}), 'drop')
  const latest = compiled({ latest: '/who/a~1b/m~0n' })
  const key = (value: unknown) => latest({ who: { 'a/b': { 'm~n': value } } }, 'x/1')
  t.strictSame(key('ann'), { latest: '["x/1","moved"]"ann"' })
  t.strictSame(key(1), { latest: '["x/1","moved"]1' })
  t.notSame(key(1), key('1'), 'values of different types have different keys')
  for (const payload of [undefined, null, {}, { who: null }]) {
    t.strictSame(latest(payload), { latest: '[null,"moved"]undefined' }, 'a connection message has no channel')
  }
  const hostile = [undefined, 'x', 'x/1', 'x","moved"]', 'x","moved"]"ann"', '["x', 'null', '\\', '"']
  t.equal(new Set(hostile.map((channel) => (latest({}, channel) as { latest: string }).latest)).size, hostile.length,
    'no two channels share a key')
  for (const bad of ['wait', {}, { latest: 'who' }, { latest: 1 }, null]) {
    t.throws(
      () => compiled(bad as never),
      {
        code: 'FST_CHANNELS_CONTRACT',
        message: /^invalid 'whenSlow' in channel 'x', fromServer 'moved': pass 'disconnect', 'drop' or /
      }
    )
  }
  const history = { limit: 1, ttl: 1 }
  t.equal(compiled('skip', history)({}), 'skip')
  t.equal(compiled('disconnect', history)({}), undefined)
  t.throws(() => compiled('skip'), { message: /invalid 'whenSlow'/ }, 'skip needs a history')
  for (const bad of ['drop', { latest: '/who' }] as const) {
    t.throws(
      () => compiled(bad, history),
      { message: /^invalid 'whenSlow' in .*: pass 'disconnect' or 'skip', because the message is persistent/ }
    )
  }
})

t.test('contract: a channel with a history has limits, projected snapshots and persistent messages', async (t) => {
  const compiled = (history: HistoryDefinition) => compileChannel({
    pattern: 'x',
    definition: {
      pattern: 'x',
      history,
      fromClient: { send: { idempotent: true } },
      fromServer: { kept: {}, passing: { ephemeral: true } }
    }
  })
  const channel = compiled({ limit: 5, ttl: 1_000, snapshot: Type.Object({ n: Type.Integer() }) })
  t.match(channel.history, { limit: 5, ttl: 1_000, initial: 5 })
  t.strictSame(channel.history?.snapshot?.({ n: 1, secret: 2 }), { n: 1 }, 'snapshots are projected')
  t.strictSame(
    [
      channel.fromServer.get('kept')?.persistent,
      channel.fromServer.get('passing')?.persistent,
      channel.fromClient.get('send')?.idempotent
    ],
    [true, false, true]
  )
  for (const bad of [
    { limit: 0, ttl: 1 }, { limit: 1, ttl: 0.5 }, { limit: 1, ttl: 1, initial: -1 }, { limit: 1, ttl: 1, other: 1 }, 5
  ]) {
    t.throws(() => compiled(bad as never), { code: 'FST_CHANNELS_CONTRACT', message: /in channel 'x', history[:;]/ })
  }
})

t.test('contract: a flag is true or left out, and a connection has no idempotent messages', async (t) => {
  const compiled = (pattern: string, send: object, sent: object) =>
    compileChannel(
      {
        pattern, definition: { pattern, fromClient: { send }, fromServer: { sent }, history: { limit: 1, ttl: 1 } }
      } as never
    )
  t.throws(
    () => compiled('x', { idempotent: false }, {}),
    { message: "invalid 'idempotent' in channel 'x', fromClient 'send': pass true, or leave it out" }
  )
  t.throws(
    () => compiled('x', {}, { ephemeral: 1 }),
    { message: "invalid 'ephemeral' in channel 'x', fromServer 'sent': pass true, or leave it out" }
  )
  t.throws(
    () => compiled('', { idempotent: true }, {}),
    {
      message: new RegExp("^unsupported option 'idempotent' in the connection contract, fromClient 'send': " +
        'declare the message on a channel')
    }
  )
})

t.test('contract: a recursive union is checked in linear time, wherever its discriminator is declared', async (t) => {
  const member = (kind: string, self: TSchema) => Type.Object({ child: Type.Optional(self), kind: Type.Literal(kind) })
  const tree = Type.Recursive((self) => Type.Union([member('a', self), member('b', self)]))
  const { fromClient } = compileChannel(
    defineChannel({ pattern: 'x', fromClient: { grow: { payload: tree } }, fromServer: {} })
  )
  let deep: object = { kind: 'neither' }
  for (let depth = 0; depth < 60; depth++) deep = { kind: 'b', child: deep }
  t.match(fromClient.get('grow')?.payload(deep), { message: String }, 'the check ends')
})

t.test('pattern: an address matches a pattern segment by segment', async (t) => {
  t.strictSame(matched('chat/:room', 'chat/lobby'), { room: 'lobby' })
  t.strictSame(matched(':a/x/:b', '1/x/2'), { a: '1', b: '2' })
  t.strictSame(matched('news', 'news'), {})
  for (const address of ['chat', 'chat/', 'chat/a/b', 'chats/a', '/chat/a', 'chat//', '']) {
    t.equal(matched('chat/:room', address), undefined, `'${address}'`)
  }
})

t.test('pattern: an address that is built from params matches the pattern with the same params', async (t) => {
  t.equal(addressOf('chat/:room/of/:user', { room: 'lobby', user: 'ada' }), 'chat/lobby/of/ada')
  t.equal(addressOf('news'), 'news')
  t.strictSame(matched('chat/:room', addressOf('chat/:room', { room: '$&..' })), { room: '$&..' })
})

t.test('pattern: a param that is empty, missing or contains a slash is refused', async (t) => {
  const table: Record<string, object> = {
    empty: { room: '' },
    'with a slash': { room: 'a/b' },
    missing: {},
    'a number': { room: 1 },
    inherited: Object.create({ room: null })
  }
  for (const [name, params] of Object.entries(table)) {
    t.throws(
      () => addressOf('chat/:room', params as Record<string, string>), { code: 'FST_CHANNELS_USAGE' }, name
    )
  }
  t.throws(() => addressOf('chat/:room'), { message: /invalid param 'room' in pattern 'chat\/:room'/ })
})

t.test('pattern: two patterns overlap when one address could match both', async (t) => {
  t.ok(overlaps('chat/:room', 'chat/lobby'))
  t.ok(overlaps(':a/lobby', 'chat/:b'))
  t.ok(overlaps('chat/:a', 'chat/:b'))
  t.notOk(overlaps('chat/:room', 'news/:room'))
  t.notOk(overlaps('chat/:room', 'chat/:room/typing'))
  t.notOk(overlaps('news', 'chat'))
})

t.test('sharing: contracts share their channels when what the server sends is declared alike', async (t) => {
  const tag = { name: Type.String() }
  const item = { text: Type.String(), tags: Type.Array(Type.Object(tag)) }
  const base = {
    pattern: 'chat/:room',
    fromClient: { say: { reply: Type.Object(item), idempotent: true }, draw: { reply: Type.String() } },
    fromServer: { said: { payload: Type.Object(item) }, typing: { ephemeral: true } },
    presence: Type.Object({ name: Type.String() }),
    history: { limit: 10, ttl: 60_000 }
  }
  const contract = (definition: object) =>
    ({ pattern: 'chat/:room', definition: { ...base, ...definition }, ...definition }) as unknown as AnyChannel
  const said = (payload: unknown, more = {}) => ({ fromServer: { said: { payload, ...more } } })
  const { payload } = base.fromServer.said
  const further = Type.Object({ ...item, at: Type.Optional(Type.Integer()) }, { title: 'A message' })
  const rows: ReadonlyArray<readonly [name: string, definition: object, difference: string | undefined]> = [
    ['params of other names', { pattern: 'chat/:id' }, undefined],
    ['further messages', { fromServer: { ...base.fromServer, liked: {} }, fromClient: { like: {} } }, undefined],
    ['fewer messages', { fromServer: {}, fromClient: {} }, undefined],
    ['a further optional member, and a title', said(further), undefined],
    ['a further optional member of an item',
      said(Type.Object({ ...item, tags: Type.Array(Type.Object({ ...tag, at: Type.Optional(Type.Null()) })) })),
      undefined],
    ['members in another order', said(Type.Object({ tags: item.tags, text: item.text })), undefined],
    ['the default of history', { history: { ...base.history, initial: 10 } }, undefined],
    ['the default of whenSlow', said(payload, { whenSlow: 'disconnect' }), undefined],
    ['presence as an object', { presence: { data: base.presence, list: 'all' } }, undefined],
    ['another reply of a message that is not idempotent', { fromClient: { draw: {} } }, undefined],
    ['another pattern', { pattern: 'chat/lobby' }, 'pattern'],
    ['a further required member', said(Type.Object({ ...item, at: Type.Integer() })), "fromServer 'said'"],
    ['an optional member', said(Type.Object({ ...item, text: Type.Optional(item.text) })), "fromServer 'said'"],
    ['another type of a member', said(Type.Object({ ...item, text: Type.Integer() })), "fromServer 'said'"],
    ['an open object', said(Type.Object(item, { additionalProperties: true })), "fromServer 'said'"],
    ['no members', said(Type.Object({})), "fromServer 'said'"],
    ['any object', said(Type.Unsafe({ type: 'object', required: ['text', 'tags'] })), "fromServer 'said'"],
    ['no payload', said(undefined), "fromServer 'said'"],
    ['an ephemeral message', said(payload, { ephemeral: true }), "fromServer 'said'"],
    ['another treatment of slow readers', said(payload, { whenSlow: 'skip' }), "fromServer 'said'"],
    ['no history', { history: undefined }, 'history'],
    ['another initial', { history: { ...base.history, initial: 5 } }, 'history'],
    ['a snapshot', { history: { ...base.history, snapshot: Type.String() } }, 'history'],
    ['no presence', { presence: undefined }, 'presence'],
    ['another list', { presence: { data: base.presence, list: 'count' } }, 'presence'],
    ['another reply', { fromClient: { say: { reply: Type.String(), idempotent: true } } }, "fromClient 'say', reply"]
  ]
  for (const [name, definition, difference] of rows) {
    t.equal(differenceOf(contract({}), contract(definition)), difference, name)
    t.equal(differenceOf(contract(definition), contract({})), difference, `${name}, the other way round`)
  }
})

t.test('pattern: a pattern with empty, repeated or misspelt segments is refused', async (t) => {
  for (const pattern of [
    'chat', 'chat/:room', ':a/:b', 'a.b/c-d/:e_1', 'a'.repeat(256)
  ]) {
    t.equal(patternRule(pattern), undefined, pattern)
  }
  const bad = [
    '/chat', 'chat/', 'chat//a', 'chat/:', 'chat/:1', 'chat/:a-b', 'chat/a:b', 'chat/*', 'chat/a b', 'chat/\n', '/'
  ]
  for (const pattern of bad) t.match(patternRule(pattern), /segments between single slashes/, JSON.stringify(pattern))
  t.match(patternRule(':a/:a'), /its own name/)
  t.match(patternRule('a'.repeat(257)), /256/)
})

/** A valid definition with some members replaced, as a caller in plain JavaScript might write it. */
function definitionWith (change: object): AnyChannel {
  const definition = {
    pattern: 'chat/:room', params: Type.Object({ room: Type.String() }), fromClient: {}, fromServer: {}, ...change
  }
  return { pattern: definition.pattern, definition }
}

const received = (message: object) => ({ fromClient: { say: message } })
const payload = (schema: unknown) => received({ payload: schema })
const zod = { '~standard': { vendor: 'zod' } }

t.test('contract: an invalid contract is refused with an error that has the path of the mistake', async (t) => {
  const path = "channel 'chat/:room'"
  const say = `${path}, fromClient 'say'`
  const table: Record<string, [change: object, path: string, message: RegExp]> = {
    'a control word from the client': [
      { fromClient: { join: {} } }, `${path}, fromClient`, /reserved message type 'join'/
    ],
    'a control word from the server': [
      { fromServer: { ack: {} } }, `${path}, fromServer`, /reserved message type 'ack'/
    ],
    'an empty type': [{ fromServer: { '': {} } }, `${path}, fromServer`, /1 to 128/],
    'an over-long type': [{ fromClient: { ['a'.repeat(129)]: {} } }, `${path}, fromClient`, /1 to 128/],
    'half of a surrogate pair in a type': [
      { fromClient: { 'a\ud800': {} } }, `${path}, fromClient`, /^a message type with half of a surrogate pair/
    ],
    'half of a surrogate pair in an error code': [
      received({ errors: { '\udfff': Type.Object({}) } }), say, /^an error code with half of a surrogate pair/
    ],
    'half of a surrogate pair in a pattern': [
      { pattern: '\ud800/:room' }, "channel '\ud800/:room'", /^invalid pattern .* use well-formed text$/
    ],
    'no messages': [{ fromClient: undefined }, `${path}, fromClient`, /pass an object/],
    'a message that is null': [received(null as unknown as object), say, /pass an object/],
    'an unknown option of the channel': [
      { logs: {} }, path, /^unknown option 'logs' in channel 'chat\/:room': use one of 'pattern', 'params'/
    ],
    'an unknown option of a message from the client': [
      received({ paylod: {} }),
      say,
      /^unknown option 'paylod' in channel 'chat\/:room', fromClient 'say'; did you mean 'payload'\?$/
    ],
    'an unknown option of a message from the server': [
      { fromServer: { said: { reply: {} } } }, `${path}, fromServer 'said'`, /unknown option 'reply'/
    ],
    'an error code of the protocol': [
      received({ errors: { forbidden: Type.Object({}) } }), say, /reserved error code 'forbidden'/
    ],
    'a rate limit of 0': [
      received({ rateLimit: { max: 0, timeWindow: 1 } }),
      `${say}, rateLimit`,
      /^invalid 'max' .*: pass a whole number from 1$/
    ],
    'an invalid pattern': [{ pattern: 'chat//:room' }, "channel 'chat//:room'", /invalid pattern .* segments/],
    'a param that is missing': [
      { params: Type.Object({}) },
      path,
      /^the params schema lacks 'room' in channel 'chat\/:room': add it, because the pattern names it$/
    ],
    'no params at all': [
      { params: undefined },
      path,
      /^the params schema lacks 'room' in channel 'chat\/:room': add it, because the pattern names it$/
    ],
    'a param that the pattern does not name': [
      { params: Type.Object({ room: Type.String(), user: Type.String() }) }, path, /the params schema has 'user'/
    ],
    'a schema of TypeBox 1.x': [
      payload(Type.Object({ at: { '~kind': 'String', type: 'string' } as never })),
      `${say}, payload/at`,
      /^a schema of the package 'typebox' \(TypeBox 1\.x\) in .*: make it with Type of @sinclair\/typebox 0\.34 \(npm/
    ],
    'a standard schema of another library': [
      payload(Object.assign(() => {}, { '~standard': { vendor: 'arktype' } })), `${say}, payload`, /^a schema of arktype/
    ],
    'a schema of an old zod': [payload({ _def: { typeName: 'ZodObject' } }), `${say}, payload`, /^a schema of zod/],
    'a schema of an old joi': [payload({ isJoi: true }), `${say}, payload`, /^a schema of joi/],
    'a schema of an old yup': [payload({ __isYupSchema__: true }), `${say}, payload`, /^a schema of yup/],
    'params of another library': [{ params: zod }, `${path}, params`, /^a schema of zod/],
    'presence of another library': [{ presence: zod }, `${path}, presence`, /^a schema of zod/],
    'presence data of another library': [{ presence: { data: zod } }, `${path}, presence, data`, /^a schema of zod/],
    'a snapshot of another library': [
      { history: { limit: 1, ttl: 1, snapshot: zod } }, `${path}, history, snapshot`, /^a schema of zod/
    ],
    'a plain JSON schema': [payload({ type: 'string' }), `${say}, payload`, /not a TypeBox schema/],
    'a schema that is null in a union': [
      payload({ ...Type.Union([Type.Null(), Type.String()]), anyOf: [null] }),
      `${say}, payload/0`,
      /not a TypeBox schema/
    ],
    'an unknown format': [
      payload(Type.Object({ at: Type.String({ format: 'date-tme' }) })),
      `${say}, payload/at`,
      /unknown format 'date-tme'/
    ],
    'a transform': [
      payload(Type.Array(Type.Transform(Type.String()).Decode(Number).Encode(String))), `${say}, payload/*`, /transform/
    ],
    'a date': [
      payload(Type.Object({ a: Type.Tuple([Type.Null(), Type.Date()]) })), `${say}, payload/a/1`, /kind 'Date'/
    ],
    'a function': [
      payload(Type.Record(Type.String(), Type.Function([], Type.Null()))), `${say}, payload/^(.*)$`, /kind 'Function'/
    ],
    'a bigint among additional properties': [
      payload(Type.Object({}, { additionalProperties: Type.BigInt() })), `${say}, payload/*`, /kind 'BigInt'/
    ],
    'a symbol in an intersection': [
      payload(Type.Intersect([Type.Object({}), Type.Object({ a: Type.Symbol() })])),
      `${say}, payload/1/a`,
      /kind 'Symbol'/
    ],
    'a transform of an intersection in another': [
      payload({
        ...Type.Intersect([Type.Object({}), Type.Object({})]),
        allOf: [Type.Transform(Type.Union([Type.Null(), Type.String()])).Decode(String).Encode(String)]
      }),
      `${say}, payload/0`,
      /transform/
    ],
    'a reference in an intersection': [
      payload(Type.Intersect([Type.Ref('A'), Type.Object({})])), `${say}, payload/0`, /reference within an intersection/
    ],
    'a reference to nothing': [payload(Type.Object({ a: Type.Ref('Nowhere') })), `${say}, payload`, /Nowhere/],
    'a pattern that is no regular expression': [
      payload(Type.String({ pattern: '(' })), `${say}, payload`, /invalid schema/
    ],
    'in a reply': [received({ reply: Type.Date() }), `${say}, reply`, /kind 'Date'/],
    'in an error': [received({ errors: { muted: Type.Date() } }), `${say}, error 'muted'`, /kind 'Date'/],
    'in a message from the server': [
      { fromServer: { said: { payload: Type.Date() } } }, `${path}, fromServer 'said', payload`, /kind 'Date'/
    ],
    'in the presence': [{ presence: Type.Date() }, `${path}, presence`, /kind 'Date'/]
  }
  for (const [name, [change, path, message]] of Object.entries(table)) {
    t.throws(
      () => compileChannel(definitionWith(change)),
      { name: 'ContractError', statusCode: 500, code: 'FST_CHANNELS_CONTRACT', path, message },
      name
    )
  }
})

t.test('contract: a declared error code may be the name of a property that every object has', async (t) => {
  const { fromClient } = compileChannel(definitionWith(received({ errors: { toString: Type.Null() } })))
  t.ok(fromClient.get('say')?.errors.has('toString'))
})

t.test('contract: formats and kinds that the application registered with TypeBox are accepted', async (t) => {
  FormatRegistry.Set('even', (value) => value.length % 2 === 0)
  TypeRegistry.Set('Positive', (_, value) => typeof value === 'number' && value > 0)
  t.teardown(() => { FormatRegistry.Delete('even'); TypeRegistry.Delete('Positive') })
  const valid = compileValidator(
    Type.Object({ a: Type.String({ format: 'even' }), b: Type.Unsafe<number>({ ...Type.Any(), ...kind('Positive') }) }),
    's'
  )
  t.equal(valid({ a: 'ab', b: 1 }), undefined)
  t.equal(valid({ a: 'a', b: 1 })?.path, '/a')
  t.equal(valid({ a: 'ab', b: -1 })?.path, '/b')
})

function kind (name: string): object {
  const [symbol] = Object.getOwnPropertySymbols(Type.Any())
  return { [symbol as symbol]: name }
}

t.test('contract: a compiled channel checks received values and projects sent values', async (t) => {
  const compiled = compileChannel(defineChannel({
    pattern: 'chat/:room',
    params: Type.Object({ room: Type.String({ pattern: '^[a-z]+$' }) }),
    fromClient: {
      say: {
        payload: Type.String(),
        reply: Type.Object({ id: Type.String() }),
        errors: { muted: Type.Object({ until: Type.Integer() }) }
      },
      wave: {}
    },
    fromServer: { said: { payload: Type.Object({ text: Type.String() }) }, cleared: {} },
    presence: Type.Object({ name: Type.String() })
  }))
  t.equal(compiled.pattern.text, 'chat/:room')
  t.equal(compiled.params({ room: 'lobby' }), undefined)
  t.equal(compiled.params({ room: 'LOBBY' })?.path, '/room')
  const say = compiled.fromClient.get('say')
  t.equal(say?.payload('hello'), undefined)
  t.strictSame(say?.reply({ id: '1', secret: 1 }), { id: '1' })
  t.strictSame(say?.errors.get('muted')?.({ until: 3, secret: 1 }), { until: 3 })
  t.strictSame(compiled.fromServer.get('said')?.payload({ text: 'a', secret: 1 }), { text: 'a' })
  t.strictSame(compiled.presence?.data({ name: 'Ada', secret: 1 }), { name: 'Ada' })
})

t.test('contract: presence is a schema, or a schema with what members learn', async (t) => {
  const data = Type.Object({ name: Type.String() })
  const listOf = (presence: ChannelDefinition['presence'] & {}) => {
    return compileChannel(defineChannel({ pattern: 'a', fromClient: {}, fromServer: {}, presence })).presence?.list
  }
  t.strictSame(
    [data, { data }, ...(['all', 'count', 'none'] as const).map((list) => ({ data, list }))].map(listOf),
    ['all', 'all', 'all', 'count', 'none']
  )
  for (const [presence, message] of [
    [{ data, list: 'number' }, /^invalid 'list' in channel 'a', presence: pass 'all', 'count' or 'none'$/],
    [{ data, lst: 'count' }, /^unknown option 'lst' in channel 'a', presence; did you mean 'list'\?$/],
    [{ list: 'count' }, /^invalid value in channel 'a', presence, data: /],
    [true, /^invalid value in channel 'a', presence: /]
  ] as const) t.throws(() => listOf(presence as never), { message })
})

t.test('contract: an undeclared payload is refused, and an undeclared reply is not sent', async (t) => {
  const { fromClient, fromServer, presence, params } = compileChannel(
    defineConnection({ fromClient: { wave: {} }, fromServer: { waved: {} } })
  )
  const wave = fromClient.get('wave')
  t.equal(wave?.payload(undefined), undefined)
  t.strictSame(wave?.payload(null), noPayload(null))
  t.equal(wave?.payload({})?.path, '')
  t.equal(wave?.reply({ secret: 1 }), undefined)
  t.equal(fromServer.get('waved')?.payload({ secret: 1 }), undefined)
  t.equal(presence, undefined)
  t.equal(params({}), undefined)
})

t.test('contract: the issue of an invalid value has a path and a reason, and does not contain the value', async (t) => {
  const valid = compileValidator(
    Type.Object({ list: Type.Array(Type.Object({ 'a/b': Type.String({ maxLength: 3 }) })) }), 's'
  )
  const issue = valid({ list: [{ 'a/b': 'abc' }, { 'a/b': 'secret' }] })
  t.equal(issue?.path, '/list/1/a~1b')
  t.match(issue?.message, /length/)
  t.notMatch(JSON.stringify(issue), 'secret')
  t.strictSame(Object.keys(issue ?? {}), ['path', 'message'])
})

t.test('contract: a registered kind that refuses a value without a reason still causes an issue', async (t) => {
  let calls = 0
  TypeRegistry.Set('Once', () => ++calls > 1)
  t.teardown(() => TypeRegistry.Delete('Once'))
  t.match(compileValidator({ ...Type.Any(), ...kind('Once') } as TSchema, 's')(1), { path: '', message: /\w/ })
})

t.test('contract: values are not coerced, and defaults are not filled in', async (t) => {
  t.ok(compileValidator(Type.Number(), 's')('1'))
  t.ok(compileValidator(Type.Boolean(), 's')(1))
  t.ok(compileValidator(Type.String(), 's')(null))
  t.ok(compileValidator(Type.Object({ a: Type.Integer({ default: 1 }) }), 's')({}), 'no default is filled in')
})

const A = Type.Object({ a: Type.Number() })
const B = Type.Object({ b: Type.Number() })
const C = Type.Object({ c: Type.Number() })
const Tree = Type.Recursive((This) => Type.Object({ id: Type.Number(), kids: Type.Array(This) }))
const Shape = Type.Recursive((This) => Type.Union([
  Type.Object({ kind: Type.Literal('leaf'), size: Type.Number() }),
  Type.Object({ kind: Type.Literal('left'), child: This }),
  Type.Object({ kind: Type.Literal('right'), child: This, note: Type.Optional(Type.String()) })
]))
const Forest = Type.Module({
  Node: Type.Object({ id: Type.Number(), kids: Type.Array(Type.Ref('Node')), owner: Type.Ref('Owner') }),
  Owner: Type.Object({ name: Type.String(), first: Type.Union([Type.Ref('Node'), Type.Null()]) })
})
const Prefixed = Type.Record(Type.String({ pattern: '^x-.*$' }), Type.Object({ v: Type.Number() }))
const node = (extra: object) => ({
  id: 1,
  kids: [{ id: 2, kids: [], owner: { name: 'b', first: null, ...extra }, ...extra }],
  owner: { name: 'a', first: { id: 3, kids: [], owner: { name: 'c', first: null }, ...extra } },
  ...extra
})

/** For each kind of schema a value of it, with `extra` at every position where it is not declared. */
const kinds: Record<string, [schema: TSchema, value: (extra: object) => unknown]> = {
  object: [A, (x) => ({ a: 1, ...x })],
  'object in an object': [Type.Object({ in: A }), (x) => ({ in: { a: 1, ...x } })],
  'optional property': [Type.Object({ in: Type.Optional(A) }), (x) => ({ in: { a: 1, ...x } })],
  array: [Type.Array(A), (x) => [{ a: 1 }, { a: 1, ...x }]],
  tuple: [Type.Tuple([A, B]), (x) => [{ a: 1, ...x }, { b: 1, ...x }]],
  record: [Type.Record(Type.String(), A), (x) => ({ any: { a: 1, ...x } })],
  'record with a pattern': [Prefixed, (x) => ({ 'x-a': { v: 1, ...x }, ...x })],
  union: [Type.Union([A, B, Type.Null()]), (x) => ({ b: 1, ...x })],
  'union of nested objects': [
    Type.Union([Type.Object({ in: A }), Type.Object({ in: B })]), (x) => ({ in: { b: 1, ...x } })
  ],
  'union of arrays': [Type.Union([Type.Array(A), Type.Array(B)]), (x) => [{ b: 1, ...x }, { b: 2, ...x }]],
  intersection: [Type.Intersect([A, B]), (x) => ({ a: 1, b: 2, ...x })],
  'intersection of nested objects': [
    Type.Intersect([Type.Object({ in: A }), B]), (x) => ({ in: { a: 1, ...x }, b: 2, ...x })
  ],
  'intersection in an intersection': [Type.Intersect([Type.Intersect([A, B]), C]), (x) => ({ a: 1, b: 2, c: 3, ...x })],
  'intersection with a union': [Type.Intersect([A, Type.Union([B, C])]), (x) => ({ a: 1, c: 3, ...x })],
  'intersection of two unions': [
    Type.Intersect([Type.Union([A, B]), Type.Union([C, Type.Object({ d: A })])]),
    (x) => ({ b: 1, d: { a: 1, ...x }, ...x })
  ],
  'intersection with a record': [Type.Intersect([A, Prefixed]), (x) => ({ a: 1, 'x-a': { v: 1, ...x }, ...x })],
  'intersection with a refusal': [
    Type.Intersect([A, Type.Not(Type.Object({ a: Type.Literal(0) }))]), (x) => ({ a: 1, ...x })
  ],
  'intersection of a named object': [
    Type.Object({
      whole: Type.Intersect([Type.Object({ a: A }, { $id: 'Named' }), B]), part: Type.Object({ a: A }, { $id: 'Named' })
    }),
    (x) => ({ whole: { a: { a: 1, ...x }, b: 1, ...x }, part: { a: { a: 1, ...x }, ...x } })
  ],
  recursive: [Tree, (x) => ({ id: 1, kids: [{ id: 2, kids: [{ id: 3, kids: [], ...x }], ...x }], ...x })],
  'recursive union': [
    Shape,
    (x) => ({ kind: 'right', note: 'n', child: { kind: 'left', child: { kind: 'leaf', size: 1, ...x }, ...x }, ...x })
  ],
  'recursive at two positions': [
    Type.Object({ one: Shape, other: Type.Array(Shape) }),
    (x) => ({ one: { kind: 'leaf', size: 1, ...x }, other: [{ kind: 'left', child: { kind: 'leaf', size: 1, ...x } }] })
  ],
  import: [Forest.Import('Node'), node],
  'import in an object': [Type.Object({ root: Forest.Import('Node') }), (x) => ({ root: node(x), ...x })],
  'declared further properties': [
    Type.Object({ a: A }, { additionalProperties: B }), (x) => ({ a: { a: 1, ...x }, more: { b: 1, ...x } })
  ],
  'declared further properties of a record': [
    { ...Prefixed, additionalProperties: B } as TSchema, (x) => ({ 'x-a': { v: 1, ...x }, more: { b: 1, ...x } })
  ],
  'declared further properties of an intersection': [
    Type.Intersect([Type.Object({ a: A }), B], { unevaluatedProperties: C }),
    (x) => ({ a: { a: 1, ...x }, b: 1, more: { c: 1, ...x } })
  ],
  'union of such intersections': [
    Type.Union([Type.Null(), Type.Intersect([Type.Object({ a: A }), B], { unevaluatedProperties: C })]),
    (x) => ({ a: { a: 1, ...x }, b: 1, more: { c: 1, ...x } })
  ],
  'empty tuple': [Type.Object({ none: Type.Tuple([]) }), (x) => ({ none: [], ...x })],
  'an open member of an intersection': [
    Type.Intersect([Type.Object({ in: A }), Type.Object({ b: Type.Number() }, { additionalProperties: true })]),
    (x) => ({ in: { a: 1, ...x }, b: 1 })
  ]
}

/**
 * An `extra` for each position alone, so that a check cannot fail because of another position. It has a property only
 * the n-th time it is spread.
 */
function * positions (value: (extra: object) => unknown): Generator<{ extra: object, position: number }> {
  let count = 0
  value(new Proxy({}, { ownKeys: () => { count++; return [] } }))
  for (let position = 0; position < count; position++) {
    let reads = 0
    yield {
      position,
      extra: new Proxy(
        {},
        {
          ownKeys: () => reads++ % count === position ? ['secret'] : [],
          getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true })
        }
      )
    }
  }
}

t.test('contract: null in a union of closed intersections is refused, although TypeBox cannot say where', async (t) => {
  const valid = compileValidator(kinds['intersection with a union']?.[0] as TSchema, 's')
  t.strictSame(valid(null), { path: '', message: 'The value does not match its schema' })
})

for (const [name, [schema, value]] of Object.entries(kinds)) {
  t.test(`contract: undeclared properties (${name}) are refused when received and removed when sent`, async (t) => {
    const original = structuredClone(JSON.parse(JSON.stringify(schema)))
    const valid = compileValidator(schema, 's')
    const project = compileOutgoing(schema, 's')
    t.equal(valid(value({})), undefined, 'declared properties are accepted')
    for (const { extra, position } of positions(value)) {
      t.ok(
        valid(value(extra)), `an undeclared property is refused at position ${position}`
      )
    }
    t.strictSame(project(value({})), value({}), 'all declared properties are sent')
    t.strictSame(project(value({ secret: 1, another: { secret: [] } })), value({}), 'undeclared properties are removed')
    for (const { extra, position } of positions(value)) {
      t.strictSame(
        project(value(extra)), value({}), `an undeclared property is removed at position ${position}`
      )
    }
    t.strictSame(JSON.parse(JSON.stringify(schema)), original, 'the schema is not changed')
  })
}

t.test('contract: a schema that allows additional properties keeps them', async (t) => {
  const open = { additionalProperties: true }
  const table: Record<string, [TSchema, unknown]> = {
    'an open object': [Type.Object({ a: Type.Number() }, open), { a: 1, b: { c: 2 } }],
    'an open record': [{ ...Prefixed, ...open } as TSchema, { 'x-a': { v: 1 }, b: 2 }],
    'an open intersection': [Type.Intersect([A, B], { unevaluatedProperties: true }), { a: 1, b: 2, c: 3 }],
    'an intersection with an open member': [
      Type.Intersect([Type.Object({ a: Type.Number() }, open), B]), { a: 1, b: 2, c: 3 }
    ],
    'an intersection with an open intersection': [
      Type.Intersect([Type.Intersect([A, B], { unevaluatedProperties: true }), C]), { a: 1, b: 2, c: 3, d: 4 }
    ],
    'an open object in a union': [Type.Union([A, Type.Object({ b: Type.Number() }, open)]), { b: 1, c: { d: 1 } }],
    anything: [Type.Any(), { a: [{ b: 1 }] }]
  }
  for (const [name, [schema, value]] of Object.entries(table)) {
    t.equal(compileValidator(schema, 's')(value), undefined, `${name} accepts them`)
    t.strictSame(compileOutgoing(schema, 's')(value), value, `${name} keeps them when sent`)
  }
  t.ok(
    compileValidator(
      Type.Intersect([Type.Object({ a: Type.Number() }, { additionalProperties: false }), B]), 's'
    )({ a: 1, b: 2 }),
    'a member that is closed explicitly stays closed'
  )
  t.ok(compileValidator(Type.Intersect([A, B], { unevaluatedProperties: false }), 's')({ a: 1, b: 2, c: 3 }))
})

t.test('contract: an intersection without properties is checked and not projected', async (t) => {
  const named = Type.Intersect([Type.String(), Type.Not(Type.Literal(''))])
  t.equal(compileValidator(named, 's')('abc'), undefined)
  t.ok(compileValidator(named, 's')(''))
  t.equal(compileOutgoing(named, 's')('abc'), 'abc')
})

t.test('contract: closing a schema without objects does not change it', async (t) => {
  for (const schema of [
    Type.String({ minLength: 1 }), Type.Literal(1), Type.Tuple([])
  ]) {
    t.strictSame(closeSchema(schema, 's'), schema)
  }
})

t.test('contract: a value is projected to the union member that declares all its properties', async (t) => {
  const project = compileOutgoing(
    Type.Union([A, Type.Object({ a: Type.Number(), b: Type.Number() }), Type.Object({ a: Type.String() })]), 's'
  )
  t.strictSame(project({ a: 1, b: 2 }), { a: 1, b: 2 }, 'the member that declares fewer properties is not used')
  t.strictSame(project({ a: 1, secret: 2 }), { a: 1 })
  t.strictSame(project({ a: 'x', secret: 2 }), { a: 'x' })
  t.throws(() => project({ a: null }), { code: 'FST_CHANNELS_OUTGOING' })
})

t.test('contract: a deep value of a recursive union is projected in linear time', async (t) => {
  const deep = (levels: number, extra: object): object =>
    levels === 0 ? { kind: 'leaf', size: 1, ...extra } : { kind: 'right', child: deep(levels - 1, extra), ...extra }
  t.strictSame(
    compileOutgoing(Shape, 's')(deep(60, { secret: 1 })),
    deep(60, {}),
    'the projection ends, instead of taking 2^60 steps'
  )
})

t.test('contract: a sent value is checked after projection, and the error has its path only', async (t) => {
  const project = compileOutgoing(
    Type.Object({
      text: Type.String(), list: Type.Array(Type.Null()), pair: Type.Tuple([A, A]), map: Type.Record(Type.String(), A)
    }),
    "fromServer 'said', payload"
  )
  const valid = { text: '', list: [], pair: [{ a: 1 }, { a: 1 }], map: {} }
  const table: Record<string, [value: unknown, path: string]> = {
    'a wrong type': [{ ...valid, text: 42 }, '/text'],
    'a missing property': [{ ...valid, text: undefined }, '/text'],
    'a string for an array': [{ ...valid, list: 'secret' }, '/list'],
    'an object for a tuple': [{ ...valid, pair: { a: 'secret' } }, '/pair'],
    'a tuple that is too long': [{ ...valid, pair: [{ a: 1 }, { a: 1 }, 'secret'] }, '/pair'],
    'an array for an object': [{ ...valid, map: ['secret'] }, '/map'],
    'null for an object': [null, ''],
    'undefined for an object': [undefined, '']
  }
  for (const [name, [value, path]] of Object.entries(table)) {
    t.throws(
      () => project(value),
      {
        code: 'FST_CHANNELS_OUTGOING',
        message: new RegExp(`^invalid outgoing value in fromServer 'said', payload${path}: `)
      },
      name
    )
    t.throws(() => project(value), { message: /^(?!.*secret)/ }, `${name}: the message does not contain the value`)
  }
})

t.test('contract: a value with half of a surrogate pair is not sent', async (t) => {
  const expected = 'Expected well-formed text, without half of a surrogate pair'
  const text = compileOutgoing(Type.Object({ text: Type.String() }), 's')
  t.throws(() => text({ text: 'cut \ud83d' }), {
    code: 'FST_CHANNELS_OUTGOING', message: `invalid outgoing value in s/text: ${expected}`
  })
  t.strictSame(text({ text: '\ud83d\ude00' }), { text: '\ud83d\ude00' })
  t.strictSame(text({ text: 'a', undeclared: '\ud83d' }), { text: 'a' }, 'undeclared text is removed before')
  const any = compileOutgoing(Type.Unknown(), 's')
  const nested = [{ a: null }, { 'b/c': { '\ude00': 1 } }]
  t.throws(() => any(nested), { message: `invalid outgoing value in s/1/b~1c: ${expected}` })
  t.throws(() => any('\ude00\ud83d'), { message: `invalid outgoing value in s: ${expected}` })
})

t.test('contract: params with half of a surrogate pair name no channel', async (t) => {
  const { params } = compileChannel(defineChannel({
    pattern: 'a/:b', params: Type.Object({ b: Type.String() }), fromClient: {}, fromServer: {}
  }))
  t.match(params({ b: '\ud800' }), { path: '/b', message: /well-formed/ })
  t.equal(params({ b: '\ud83d\ude00' }), undefined)
})

t.test('contract: a class instance is sent as its declared properties, with getters and without toJSON', async (t) => {
  class User {
    readonly passwordHash = 'secret'
    get name () { return 'Ada' }
    get tags () { return { a: 1, toJSON () { t.fail('toJSON was called') } } }
    toJSON () { t.fail('toJSON was called') }
  }
  const declared = Type.Object({ name: Type.String(), tags: A })
  const expected = '{"name":"Ada","tags":{"a":1}}'
  for (const schema of [declared, Type.Union([Type.Null(), declared]), Type.Intersect([declared, Type.Object({})])]) {
    t.equal(JSON.stringify(compileOutgoing(schema, 's')(new User())), expected)
  }
})

t.test('contract: undefined properties are removed when sent, as in JSON', async (t) => {
  t.strictSame(
    Object.keys(
      compileOutgoing(Type.Object({ a: Type.Optional(Type.Number()) }), 's')({ a: undefined, b: undefined }) as object
    ),
    []
  )
  t.strictSame(compileOutgoing(Type.Record(Type.String(), Type.Number()), 's')({ a: 1, b: undefined }), { a: 1 })
  t.strictSame(
    compileOutgoing(Type.Object({}, { additionalProperties: Type.Number() }), 's')({ a: 1, b: undefined }), { a: 1 }
  )
})

t.test('contract: projection copies the value and does not change it', async (t) => {
  const value = { in: { a: 1, secret: 2 } }
  const projected = compileOutgoing(Type.Object({ in: A }), 's')(value) as typeof value
  t.strictSame(value, { in: { a: 1, secret: 2 } })
  t.not(projected.in, value.in)
})

interface Sample { readonly schema: TSchema, readonly declared: unknown, readonly dirty: unknown }

/** A random schema, a value of it, and the same value with undeclared properties wherever there may be some. */
function sampleOf (random: Random, depth: number): Sample {
  const inner = () => sampleOf(random, depth - 1)
  const dirt = () => random.below(2) ? { [`secret${random.below(3)}`]: random.below(2) ? 'x' : { a: [1] } } : {}
  const makers: ReadonlyArray<() => Sample> = [
    () => ({ schema: Type.Number(), declared: 1, dirty: 1 }),
    () => ({ schema: Type.String(), declared: 'a', dirty: 'a' }),
    () => properties(inner(), inner(), dirt()),
    () => wrapped(inner(), (s) => Type.Array(s), (v) => [v, v]),
    () => wrapped(inner(), (s) => Type.Tuple([s, Type.Null()]), (v) => [v, null]),
    () => wrapped(inner(), (s) => Type.Record(Type.String(), s), (v) => ({ key: v })),
    () => wrapped(inner(), (s) => Type.Union([Type.Object({ other: s }), Type.Null(), s]), (v) => v),
    () => intersected(inner(), inner(), dirt())
  ]
  return (makers[random.below(depth === 0 ? 2 : makers.length)] as () => Sample)()
}

function properties (p: Sample, q: Sample, dirt: object): Sample {
  return {
    schema: Type.Object({ p: p.schema, q: Type.Optional(q.schema) }),
    declared: { p: p.declared, q: q.declared },
    dirty: { p: p.dirty, q: q.dirty, ...dirt }
  }
}

function intersected (p: Sample, q: Sample, dirt: object): Sample {
  return {
    ...properties(p, q, dirt),
    schema: Type.Intersect([
      Type.Object({ p: p.schema }), Type.Union([Type.Object({ never: Type.Null() }), Type.Object({ q: q.schema })])
    ])
  }
}

function wrapped (
  { schema, declared, dirty }: Sample, type: (s: TSchema) => TSchema, wrap: (v: unknown) => unknown
): Sample {
  return { schema: type(schema), declared: wrap(declared), dirty: wrap(dirty) }
}

t.test('contract: for 300 random schemas, a sent value has all declared properties and no others', async (t) => {
  const random = new Random(20_250_101)
  for (let i = 0; i < 300; i++) {
    const { schema, declared, dirty } = sampleOf(random, 4)
    const projected = compileOutgoing(schema, 's')(dirty)
    const isCorrect = compileValidator(schema, 's')(projected) === undefined &&
      JSON.stringify(projected) === JSON.stringify(declared)
    if (!isCorrect) t.strictSame(projected, declared, `sample ${i}: ${JSON.stringify(schema)}`)
  }
  t.pass('300 samples')
})

t.test('contract: a ContractError has a code and a path, and its message has the advice', async (t) => {
  const error = new ContractError('here', 'a mistake', 'mend it')
  t.match(error, { code: 'FST_CHANNELS_CONTRACT', path: 'here', message: 'a mistake in here: mend it' })
})
