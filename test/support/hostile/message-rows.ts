import type { Envelope } from '../../../lib/protocol/envelope.ts'
import { closeEvents } from '../../../lib/protocol/close-events.ts'

/** A text frame that is closed with an event, acked as `q`, or refused with an error. */
export type TextRow = readonly [name: string, text: string, outcome: {
  readonly code: number
  readonly reason: string
} | 'acked' | Envelope]

const { notJson, notEnvelope } = closeEvents
const tooBig = { code: 1009, reason: '' }
const acked = 'acked'
/** The error that answers `q`; without an id where that is what is wrong. */
const refused = (code: string, message: string, correlationId: string | undefined = 'q'): Envelope =>
  ({ type: 'error', payload: { code, message }, correlationId })
const nameless = (message: string): Envelope => ({ ...refused('invalid_payload', message), correlationId: undefined })
const proto = refused('invalid_payload', 'the message contains the key __proto__')
const prototype = refused('invalid_payload', 'the message contains the key constructor.prototype')

const envelope = (members: object) => JSON.stringify({ type: 'ping', correlationId: 'q', ...members })
/** With a text in a place where `JSON.stringify` would not put it. */
const raw = (member: string) => `{"type":"ping","correlationId":"q",${member}}`
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

export const textRows: readonly TextRow[] = [
  ['an empty text', '', notJson],
  ['only spaces', '   ', notJson],
  ['a truncated object', '{"type":"ping"', notJson],
  ['a truncated escape', '{"type":"ping\\u00', notJson],
  ['NaN', raw('"payload":NaN'), notJson],
  ['Infinity', raw('"payload":-Infinity'), notJson],
  ['undefined', 'undefined', notJson],
  ['single quotes', "{'type':'ping'}", notJson],
  ['a comment', raw('/* hello */"payload":1'), notJson],
  ['a comma too many', '{"type":"ping",}', notJson],
  ['trailing bytes', '{"type":"ping"}x', notJson],
  ['two envelopes in one frame', '{"type":"ping"}{"type":"ping"}', notJson],
  ['a NUL at the end', '{"type":"ping"}\0', notJson],
  ['a control character in a string', '{"type":"pi\u0001ng"}', notJson],
  ['a leading zero', raw('"payload":01'), notJson],
  ['HTML', '<script>alert(1)</script>', notJson],

  ['an array', '[]', notEnvelope],
  ['an array of envelopes', '[{"type":"ping"}]', notEnvelope],
  ['null', 'null', notEnvelope],
  ['a number', '1', notEnvelope],
  ['true', 'true', notEnvelope],
  ['a string', '"ping"', notEnvelope],
  ['an empty object', '{}', notEnvelope],

  ['a missing type', '{"channel":"lab/a"}', notEnvelope],
  ['an empty type', envelope({ type: '' }), notEnvelope],
  ['a type that is null', envelope({ type: null }), notEnvelope],
  ['a type that is a number', envelope({ type: 1 }), notEnvelope],
  ['a type that is a list', envelope({ type: ['ping'] }), notEnvelope],
  ['a type that is an object', envelope({ type: { toString: 'ping' } }), notEnvelope],
  [
    'a type of 129 characters',
    envelope({ type: 'x'.repeat(129) }),
    refused('unknown_type', "'type' is longer than 128 characters")
  ],
  ['a type of 1 MB', envelope({ type: 'x'.repeat(1024 * 1024) }), tooBig],
  ['a channel that is a number', envelope({ channel: 1 }), refused('unknown_channel', "'channel' is not a string")],
  ['an empty channel', envelope({ channel: '' }), refused('unknown_channel', "'channel' is empty")],
  [
    'a channel of 257 characters',
    envelope({ channel: 'x'.repeat(257) }),
    refused('unknown_channel', "'channel' is longer than 256 characters")
  ],
  ['a correlationId that is an object', envelope({ correlationId: {} }), nameless("'correlationId' is not a string")],
  ['a correlationId that is a number', envelope({ correlationId: 1 }), nameless("'correlationId' is not a string")],
  ['an empty correlationId', envelope({ correlationId: '' }), nameless("'correlationId' is empty")],
  [
    'a correlationId over 64 characters',
    envelope({ correlationId: 'x'.repeat(65) }),
    nameless("'correlationId' is longer than 64 characters")
  ],
  [
    '64 levels and one',
    raw(`"payload":${nested(64)}`),
    refused('invalid_payload', 'the message is nested deeper than 64 levels')
  ],
  [
    '30,000 levels in the payload',
    raw(`"payload":${nested(30_000)}`),
    refused('invalid_payload', 'the message is nested deeper than 64 levels')
  ],
  ['32,000 levels', nested(32_000), notEnvelope],
  ['10,000 objects that never end', '{"a":'.repeat(10_000), notJson],

  ['`__proto__` in the envelope', raw('"__proto__":{"polluted":true}'), proto],
  ['`__proto__` in the payload', raw('"payload":{"__proto__":{"polluted":true}}'), proto],
  ['`__proto__` deep in the payload', raw('"payload":[{"a":[{"__proto__":{"polluted":true}}]}]'), proto],
  ['`__proto__` in escapes', raw('"payload":{"\\u005f_pr\\u006fto__":{"polluted":true}}'), proto],
  ['`__proto__` that is null', raw('"payload":{"__proto__":null}'), proto],
  ['`constructor.prototype` in the envelope', raw('"constructor":{"prototype":{"polluted":true}}'), prototype],
  [
    '`constructor.prototype` in the payload',
    raw('"payload":{"constructor":{"prototype":{"polluted":true}}}'),
    prototype
  ],
  [
    '`constructor.prototype` in escapes',
    raw('"payload":{"c\\u006fnstructor":{"pr\\u006ftotype":{"polluted":true}}}'),
    prototype
  ],

  ['a channel that is null: absent', envelope({ channel: null }), acked],
  ['a byte order mark', `\ufeff${envelope({})}`, acked],
  ['spaces around the envelope', `\r\n\t ${envelope({})} \n`, acked],
  ['unknown members', envelope({ admin: true, user: 'root', toString: 1 }), acked],
  ['63 levels', raw(`"payload":${nested(63)}`), acked],
  ['brackets in a string', envelope({ payload: '['.repeat(10_000) }), acked],
  ['brackets behind an escaped quote in a string', envelope({ payload: `"${'['.repeat(10_000)}` }), acked],
  ['a member twice: the last counts', '{"type":"nonsense","type":"ping","correlationId":"q"}', acked],
  ['a surrogate pair in escapes', raw('"payload":"\\ud83d\\ude00"'), acked],
  ['a lone surrogate in a member that the protocol does not name', raw('"header":"\\ud800"'), acked],
  ['a number beyond doubles', raw('"payload":1e400'), acked]
]

/** A message of somebody who is in `lab/a`, and the code of the error that answers it. */
export type MeaningRow = readonly [name: string, message: Envelope, code: string]

const inLab = (type: string, payload?: unknown): Envelope => ({ type, channel: 'lab/a', payload })
const join = (channel: string): Envelope => ({ type: 'join', channel })
const echo = (value: unknown) => inLab('echo', { value })

export const meaningRows: readonly MeaningRow[] = [
  ['an unknown type', inLab('nonsense'), 'unknown_type'],
  ['an unknown type of the connection', { type: 'nonsense' }, 'unknown_type'],
  ['a message of the server\'s', inLab('noted', { text: 'x' }), 'unknown_type'],
  ...['ack', 'error', 'joined', 'presence', 'resync', 'left', 'reconnect', 'welcome'].map((type): MeaningRow => [
    `the server's own control word ${type}`, inLab(type), 'unknown_type'
  ]),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((type): MeaningRow => [
    `the property ${type} of objects as a type`, inLab(type), 'unknown_type'
  ]),
  ['the property of objects as a type of the connection', { type: 'constructor' }, 'unknown_type'],
  ['a type in capitals', inLab('ECHO', { value: 1 }), 'unknown_type'],

  ['a missing field', inLab('echo', {}), 'invalid_payload'],
  ['a missing payload', inLab('echo'), 'invalid_payload'],
  ['an extra field', inLab('echo', { value: 1, admin: true }), 'invalid_payload'],
  ['a payload where none is declared', inLab('nothing', {}), 'invalid_payload'],
  ['a payload that is null', inLab('echo', null), 'invalid_payload'],
  ['a payload that is a list', inLab('echo', [{ value: 1 }]), 'invalid_payload'],
  ['a payload that is JSON in a string', inLab('echo', '{"value":1}'), 'invalid_payload'],
  ['a number in a string is not coerced', echo('1'), 'invalid_payload'],
  ['a boolean is not coerced', echo(true), 'invalid_payload'],
  ['null is not coerced', echo(null), 'invalid_payload'],
  ['a list of one is not coerced', echo([1]), 'invalid_payload'],
  ['half an integer', echo(1.5), 'invalid_payload'],
  ['an object that says its value', echo({ valueOf: 1 }), 'invalid_payload'],
  ['`constructor` as an extra field', inLab('echo', { value: 1, constructor: 'x' }), 'invalid_payload'],
  ...['\ud800', 'a\udfff', '\udc00\ud800', { a: ['\ud83d'] }, { '\ud800': 1 }].map((text): MeaningRow =>
    [`half of a surrogate pair: ${JSON.stringify(text)}`, inLab('note', { text }), 'invalid_payload']),
  ['half of a surrogate pair in a join', { ...join('lab/b'), payload: { '\ud800': 1 } }, 'invalid_payload'],
  ['half of a surrogate pair in the payload of a ping', { type: 'ping', payload: '\ud800' }, 'invalid_payload'],
  ['half of a surrogate pair in a type', { type: 'no\ud800te', channel: undefined }, 'unknown_type'],
  ['a number where text is declared', inLab('note', { text: 1 }), 'invalid_payload'],

  ...['lab/*', 'lab/..', '*', '..', 'lab', 'lab/', 'lab//a', '/lab/a', 'lab/a/', 'lab/a/b', 'lab/A', 'LAB/a', 'lab/é',
    'lab/%61', 'lab/:id', 'lab/a\r\nb', 'lab/a\n', 'lab/a\0', '\r\n', ' lab/a',
    'lab/__proto__', '__proto__', 'constructor', 'nonsense', `lab/${'a'.repeat(251)}!`
  ].map((channel): MeaningRow =>
    [`join ${JSON.stringify(channel.slice(0, 20))}`, join(channel), 'unknown_channel']),
  ['join without a channel', { type: 'join' }, 'unknown_channel'],
  [
    'a message to an address that no channel has',
    { type: 'echo', channel: 'lab/a/b', payload: { value: 1 } },
    'unknown_channel'
  ],

  ['a channel that is somebody\'s', join('vault/ann'), 'forbidden'],
  ['a channel that is nobody\'s', join('vault/nobody'), 'forbidden'],
  ['a history without a join', { type: 'history', channel: 'lab/b' }, 'not_joined'],
  ['a history without a channel', { type: 'history' }, 'unknown_type'],
  ['a history of a channel that keeps none', inLab('history'), 'no_history'],
  ['a message without a join', { type: 'echo', channel: 'lab/b', payload: { value: 1 } }, 'not_joined'],
  ['a message to a channel that refuses us', { type: 'put', channel: 'vault/ann', payload: { any: 1 } }, 'not_joined'],
  ['a leave without a join', { type: 'leave', channel: 'lab/b' }, 'not_joined'],
  ['a leave without a channel', { type: 'leave' }, 'not_joined'],
  ['a second join', join('lab/a'), 'already_joined']
]
