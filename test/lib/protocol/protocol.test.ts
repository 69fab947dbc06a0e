import t from 'tap'
import { closeEvents, isFinal, type CloseEvent } from '../../../lib/protocol/close-events.ts'
import { maxChannelLength, maxCorrelationIdLength, maxDepth, maxTypeLength } from '../../../lib/protocol/envelope.ts'
import { BadEnvelope, readEnvelope, RefusedEnvelope } from '../../../lib/protocol/read-envelope.ts'
import { encodeAck, encodeEnvelope, welcomeEncoder } from '../../../lib/protocol/encoding.ts'

const nested = (depth: number) => `{"type":"a","payload":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
const withMember = (name: string, value: unknown) => JSON.stringify({ type: 'a', [name]: value })

function eventOf (text: string): CloseEvent | undefined {
  try {
    readEnvelope(text)
  } catch (error) {
    if (error instanceof BadEnvelope) return error.event
    throw error
  }
}

function refusalOf (text: string): RefusedEnvelope {
  try {
    readEnvelope(text)
  } catch (error) {
    if (error instanceof RefusedEnvelope) return error
    throw error
  }
  throw new Error('the envelope was not refused')
}

t.test('envelope: a received envelope equals the sent one', async (t) => {
  const envelope = { type: 'message.send', channel: 'chat/lobby', payload: { text: 'hello' }, correlationId: 'c1' }
  t.strictSame(readEnvelope(JSON.stringify(envelope)), envelope)
  t.strictSame(readEnvelope('{"type":"ping"}'), { type: 'ping' })
})

t.test('envelope: invalid JSON is refused as notJson', async (t) => {
  const table: Record<string, string> = {
    'empty text': '',
    blanks: '   ',
    truncated: '{"type":"a"',
    'half a string': '{"type":"a',
    NaN: 'NaN',
    'NaN inside': '{"type":"a","payload":NaN}',
    'trailing bytes': '{"type":"a"} x',
    'two objects': '{"type":"a"}{"type":"a"}',
    'a trailing comma': '{"type":"a",}',
    'single quotes': "{'type':'a'}",
    'a comment': '{"type":"a"/* */}',
    'a control character in a string': '{"type":"a\n"}',
    'brackets without end': '['.repeat(100_000),
    'a key __proto__ in invalid JSON': '{"type":"a","__proto__":{"admin":true}'
  }
  for (const [name, text] of Object.entries(table)) t.equal(eventOf(text), closeEvents.notJson, name)
})

t.test('envelope: JSON without a type is refused as notEnvelope', async (t) => {
  const table: Record<string, string> = {
    array: '[]',
    'an array with an envelope': '[{"type":"a"}]',
    null: 'null',
    number: '1',
    string: '"type"',
    boolean: 'true',
    'missing type': '{}',
    'empty type': '{"type":""}',
    'type a number': '{"type":1}',
    'type null': '{"type":null}',
    'type an object': '{"type":{}}',
    'nested too deep': '['.repeat(32_000) + ']'.repeat(32_000),
    'a type of the prototype': '{"__proto__":{"type":"a"}}'
  }
  for (const [name, text] of Object.entries(table)) t.equal(eventOf(text), closeEvents.notEnvelope, name)
})

t.test('envelope: a message that breaks a limit is refused with the reason and its valid members', async (t) => {
  const sound = { channel: 'chat/a', correlationId: 'c1' }
  const raw = (member: string) => `{"type":"a","channel":"chat/a","correlationId":"c1",${member}}`
  const member = (name: string, value: unknown) => JSON.stringify({ type: 'a', ...sound, [name]: value })
  const proto = 'the message contains the key __proto__'
  const prototype = 'the message contains the key constructor.prototype'
  const deep = 'the message is nested deeper than 64 levels'
  const table: ReadonlyArray<readonly [text: string, code: string, message: string, repeated?: object]> = [
    [raw('"__proto__":{"admin":true}'), 'invalid_payload', proto],
    [raw('"payload":[{"b":{"__proto__":{"admin":true}}}]'), 'invalid_payload', proto],
    [raw('"payload":{"\\u005f_proto__":{"admin":true}}'), 'invalid_payload', proto],
    [`\ufeff${raw('"__proto__":null')}`, 'invalid_payload', proto],
    [raw('"constructor":{"prototype":{"admin":true}}'), 'invalid_payload', prototype],
    [raw('"payload":{"b":[{"constructor":{"prototype":{"admin":true}}}]}'), 'invalid_payload', prototype],
    [raw(`"payload":${'['.repeat(64)}${']'.repeat(64)}`), 'invalid_payload', deep],
    [raw(`"payload":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`), 'invalid_payload', deep],
    [member('type', 'a'.repeat(maxTypeLength + 1)), 'unknown_type', "'type' is longer than 128 characters"],
    [member('channel', ''), 'unknown_channel', "'channel' is empty", { correlationId: 'c1' }],
    [member('channel', 1), 'unknown_channel', "'channel' is not a string", { correlationId: 'c1' }],
    [
      member('channel', 'a'.repeat(maxChannelLength + 1)),
      'unknown_channel', "'channel' is longer than 256 characters", { correlationId: 'c1' }
    ],
    [member('correlationId', ''), 'invalid_payload', "'correlationId' is empty", { channel: 'chat/a' }],
    [member('correlationId', {}), 'invalid_payload', "'correlationId' is not a string", { channel: 'chat/a' }],
    [
      member('correlationId', 'a'.repeat(maxCorrelationIdLength + 1)),
      'invalid_payload', "'correlationId' is longer than 64 characters", { channel: 'chat/a' }
    ],
    ['{"type":"a","channel":null,"correlationId":1}', 'invalid_payload', "'correlationId' is not a string", {}]
  ]
  for (const [text, code, message, repeated = sound] of table) {
    const { refusal, envelope } = refusalOf(text)
    const type = message.startsWith("'type'") ? '' : 'a'
    t.strictSame(envelope, { type, ...repeated }, text.slice(0, 80))
    const details = code === 'invalid_payload' ? { details: { path: '', message } } : {}
    t.strictSame(refusal.payload, { code, message, ...details }, text.slice(0, 80))
  }
  t.equal(Reflect.get({}, 'admin'), undefined, 'no prototype is changed')
})

t.test('envelope: lengths and nesting at the limit are accepted', async (t) => {
  const table: Record<string, string> = {
    'the longest type': JSON.stringify({ type: 'a'.repeat(maxTypeLength) }),
    'the longest channel': withMember('channel', 'a'.repeat(maxChannelLength)),
    'the longest correlationId': withMember('correlationId', 'a'.repeat(maxCorrelationIdLength)),
    'the deepest nesting': nested(maxDepth),
    'brackets side by side': withMember('payload', Array.from({ length: 1000 }, () => ({ a: [] }))),
    'brackets in a string': withMember('payload', '[{'.repeat(100)),
    'brackets after an escaped quote': withMember('payload', `"${'['.repeat(100)}"`),
    'brackets after an escaped backslash': withMember('payload', ['\\', '['.repeat(100), '\\"[']),
    'a property called constructor': withMember('payload', { constructor: 'Gaudi', prototype: 'Eiffel' }),
    'the word __proto__ as a value': withMember('payload', { word: '__proto__' })
  }
  for (const [name, text] of Object.entries(table)) t.strictSame(readEnvelope(text), JSON.parse(text), name)
})

t.test('envelope: brackets after a string that ends in a backslash count as nesting', async (t) => {
  const { refusal } = refusalOf(`{"type":"a","payload":["\\\\",${'['.repeat(maxDepth)}${']'.repeat(maxDepth)}]}`)
  t.equal(refusal.message, 'the message is nested deeper than 64 levels')
})

t.test('envelope: half of a surrogate pair is refused where a message is read, a whole pair is not', async (t) => {
  const escaped = (member: string) => `{"type":"a",${member}}`
  const table: Record<string, readonly [text: string, refusal: object]> = {
    'a string': [escaped('"payload":"\\ud800"'), { path: '' }],
    'capital letters': [escaped('"payload":"\\uD800\\uDBFF"'), { path: '' }],
    'the low half first': [escaped('"payload":["\\ude00\\ud83d"]'), { path: '/0' }],
    'deep inside': [escaped('"payload":{"a/b":[0,{"~":"x\\udfff"}]}'), { path: '/a~1b/1/~0' }],
    'a name': [escaped('"payload":{"a":{"\\udc00":1}}'), { path: '/a' }],
    'the correlationId': [escaped('"correlationId":"\\ud800","payload":{}'), { path: '' }]
  }
  for (const [name, [text, details]] of Object.entries(table)) {
    t.match(refusalOf(text), { refusal: { code: 'invalid_payload', details } }, name)
  }
  t.match(refusalOf('{"type":"\\ud800"}'), {
    refusal: { code: 'unknown_type', message: "'type' contains half of a surrogate pair" }, envelope: { type: '' }
  })
  t.match(refusalOf(escaped('"channel":"\\ud800"')), { refusal: { code: 'unknown_channel' } })
  for (const member of [
    '"payload":"\\ud83d\\ude00"',
    '"payload":"\\\\ud800"', '"payload":{"\\uD83D\\uDE00":null}', '"header":"\\ud800"'
  ]) t.strictSame(readEnvelope(escaped(member)), JSON.parse(escaped(member)), member)
})

t.test('envelope: a channel or correlationId of null is absent', async (t) => {
  const { type, channel, correlationId, payload } = readEnvelope(
    '{"type":"a","channel":null,"correlationId":null,"payload":null}'
  )
  t.strictSame([type, channel, correlationId, payload], ['a', undefined, undefined, null])
  t.match(readEnvelope('{"type":"a","channel":null,"correlationId":"c"}'), { channel: undefined, correlationId: 'c' })
})

t.test('envelope: members that the protocol does not define are ignored', async (t) => {
  const { type, channel } = readEnvelope('{"type":"a","channel":"b","version":2,"headers":{"x":[1]}}')
  t.strictSame({ type, channel }, { type: 'a', channel: 'b' })
})

t.test('envelope: the error of a bad envelope has a reason and does not contain the received text', async (t) => {
  t.throws(() => readEnvelope('{"secret"'), { message: closeEvents.notJson.reason })
})

t.test('encoding: welcome is the envelope as JSON, whatever characters the patterns have', async (t) => {
  const payload = {
    limits: { messageBytes: 65_536, channelLength: 256, depth: 64 }, patterns: ['"', 'a""/:b', '\\\\', 'é{}']
  }
  const welcome = welcomeEncoder(payload)
  for (const connectionId of ['c1', 'c2']) {
    t.strictSame(JSON.parse(String(welcome(connectionId))), { type: 'welcome', payload: { connectionId, ...payload } })
  }
})

t.test('encoding: an encoded message is the envelope as UTF-8 JSON without undefined members', async (t) => {
  const bytes = encodeEnvelope({ type: 'ack', channel: undefined, payload: { text: 'grüße' }, correlationId: 'c1' })
  t.ok(Buffer.isBuffer(bytes))
  t.equal(bytes.toString(), '{"type":"ack","payload":{"text":"grüße"},"correlationId":"c1"}')
})

t.test('close events: every code and reason can be sent, and the policy for its code is the same', async (t) => {
  for (const [name, { code, reason, retry }] of Object.entries(closeEvents)) {
    const isRegistered = [1000, 1001, 1003, 1008, 1011, 1012, 1013].includes(code)
    t.ok(isRegistered || (code >= 3000 && code < 4000), `${name}: a code that may be sent`)
    t.ok(reason.length > 0 && Buffer.byteLength(reason) <= 123, `${name}: a reason that fits a close frame`)
    t.equal(isFinal(code), retry === 'no' || retry === 'stop', `${name}: the policy of its code`)
  }
})

t.test('close events: the close code decides whether the client reconnects or stops', async (t) => {
  for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3003]) t.ok(isFinal(code), `${code}`)
  for (const code of [1001, 1005, 1006, 1011, 1012, 1013, 3000, 3008, 4999]) t.notOk(isFinal(code), `${code}`)
})

t.test('encoding: an ack is the JSON of its envelope, whatever its texts contain', async (t) => {
  const long = 'x'.repeat(300)
  for (const text of ['plain', 'é', '"', '\\', '\n', '\u2028', '\ud83d\ude00', long, `${long}"`]) {
    for (const envelope of [{ channel: text }, { correlationId: text }, { channel: text, correlationId: text }]) {
      const { channel, correlationId } = envelope as { channel?: string, correlationId?: string }
      const expected = encodeEnvelope({ type: 'ack', channel, payload: 1, correlationId })
      t.strictSame(String(encodeAck(channel, '1', correlationId)), String(expected))
    }
  }
})
