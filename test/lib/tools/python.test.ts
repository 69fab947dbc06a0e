import { FormatRegistry, Type } from '@sinclair/typebox'
import t from 'tap'
import { asyncApiDocument } from '../../../lib/asyncapi/index.ts'
import type { AsyncApiDocument } from '../../../lib/asyncapi/asyncapi-document.ts'
import { defineChannel, defineConnection } from '../../../lib/contract/define-channel.ts'
import { pythonClientOf } from '../../../lib/tools/python/python-client.ts'
import { ClassNames } from '../../../lib/tools/python/python-names.ts'
import { docstring, stringLiteral } from '../../../lib/tools/python/python-text.ts'
import { PythonTypes } from '../../../lib/tools/python/python-types.ts'
import { runtime, runtimeNames } from '../../../lib/tools/python-runtime/runtime.ts'
import { fullRoute } from '../../support/asyncapi/full-contract.ts'

for (const format of ['uuid', 'date-time', 'date']) FormatRegistry.Set(format, () => true)

/** The part of a client that belongs to its contracts. */
function ownPart (document: AsyncApiDocument): string {
  const text = pythonClientOf(document)
  return text.slice(text.indexOf(runtime) + runtime.length)
}

const withSchemas = (schemas: object = {}) => ({ components: { schemas } }) as unknown as AsyncApiDocument

const object = (properties: object, more: object = {}) =>
  ({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false, ...more })

const kinds: ReadonlyArray<readonly [schema: object, type: string, code?: RegExp]> = [
  [{ type: 'string' }, 'str'],
  [{ type: 'integer' }, 'int'],
  [{ type: 'number' }, 'float'],
  [{ type: 'boolean' }, 'bool'],
  [{ type: 'null' }, 'None'],
  [{}, 'Any'],
  [{ not: {} }, 'Any'],
  [{ type: ['string', 'null'] }, 'str | None'],
  [{ const: 'a' }, 'Literal["a"]'],
  [{ const: null }, 'None'],
  [{ const: 1.5 }, 'float'],
  [{ const: [1] }, 'Any'],
  [{ const: 1e21 }, 'Literal[1000000000000000000000]'],
  [{ enum: ['a', 'b', 'a', -1, true, false, null] }, 'Literal["a", "b", -1, True, False] | None'],
  [{ anyOf: [{ const: 'a' }, { type: 'null' }, { const: 'b' }] }, 'Literal["a", "b"] | None'],
  [{ oneOf: [{ type: 'integer' }, {}] }, 'Any'],
  [{ anyOf: [] }, 'Any'],
  [{ type: 'array', items: { type: 'string' } }, 'list[str]'],
  [{ type: 'array' }, 'list[Any]'],
  [{ type: 'array', items: [{ type: 'string' }, { type: 'integer' }] }, 'tuple[str, int]'],
  [{ type: 'array', maxItems: 0 }, 'tuple[()]'],
  [{ type: 'object', patternProperties: { '^(.*)$': { type: 'integer' } } }, 'dict[str, int]'],
  [{ type: 'object', patternProperties: { a: { type: 'integer' }, b: { type: 'null' } } }, 'dict[str, int | None]'],
  [
    { type: 'object', patternProperties: { '^a': { type: 'integer' } }, additionalProperties: false }, 'dict[str, int]'
  ],
  [{ type: 'object', additionalProperties: true }, 'dict[str, Any]'],
  [{ type: 'object' }, 'dict[str, Any]'],
  [object({}), 'Thing', /class Thing:\n {4}pass\n/],
  [object({ a: { type: 'string' } }), 'Thing', /class Thing:\n {4}a: str\n/],
  [object({ a: {} }, { title: 'A name' }), 'AName', /class AName:/],
  [object({ a: {} }, { description: 'what it is' }), 'Thing', /class Thing:\n {4}"""what it is"""\n\n {4}a: Any\n/],
  [object({ a: object({ b: {} }) }), 'Thing', /class ThingA:\n {4}b: Any\n\n@.*\nclass Thing:\n {4}a: ThingA\n/],
  [
    object({ a: { type: 'string', description: 'a text' } }, { required: [] }), 'Thing',
    / {4}a: str \| None = None\n {4}"""a text"""\n/
  ],
  [object({ a: { type: ['string', 'null'] } }, { required: [] }), 'Thing', / {4}a: str \| None \| Unset = UNSET\n/],
  [object({ a: { enum: [1, null] } }, { required: [] }), 'Thing', / {4}a: Literal\[1\] \| None \| Unset = UNSET\n/],
  [object({ a: { const: null } }, { required: undefined }), 'Thing', / {4}a: None \| Unset = UNSET\n/],
  [object({ a: {} }, { required: [] }), 'Thing', / {4}a: Any = UNSET\n/],
  [object({ fromUser: {} }), 'Thing', / {4}from_user: Any = _field\(metadata=\{"wire": "fromUser"\}\)\n/],
  [
    object({ from: { type: 'string' } }, { required: [] }), 'Thing',
    / {4}from_: str \| None = _field\(default=None, metadata=\{"wire": "from"\}\)\n/
  ],
  [
    object({ a: {} }, { additionalProperties: { type: 'integer' } }), 'Thing',
    / {4}extra: dict\[str, int\] = _field\(default_factory=dict, metadata=\{"extra": True\}\)\n/
  ],
  [object({ extra: {} }, { additionalProperties: true }), 'Thing', / {4}extra_2: dict\[str, Any\] = _field\(/],
  [{ allOf: [object({ a: {} }), object({ b: {} }, { required: [] })] }, 'Thing', / {4}a: Any\n {4}b: Any = UNSET\n/],
  [
    { allOf: [object({ a: {} }), object({ b: {} }, { additionalProperties: {} })] }, 'Thing',
    / {4}extra: dict\[str, Any\]/
  ],
  [{ allOf: [{ type: 'string' }, { type: 'string', minLength: 1 }] }, 'str'],
  [{ allOf: [{ type: 'string' }, object({ a: {} })] }, 'Any'],
  [
    { anyOf: [object({ kind: { const: 'circle' } }), object({ x: {} })] }, 'ThingCircle | Thing2',
    /class ThingCircle:[^]*class Thing2:/
  ],
  [{ $ref: '#/components/schemas/nowhere' }, 'Nowhere', /^Nowhere: TypeAlias = Union\[Any\]$/m]
]

t.test('python: each kind of schema has its type', async (t) => {
  for (const [schema, type, code] of kinds) {
    const types = new PythonTypes(withSchemas(), new ClassNames([]))
    t.equal(types.typeOf(schema as never, 'thing'), type, JSON.stringify(schema))
    if (code) t.match([...types.classes, ...types.aliases].join('\n'), code, JSON.stringify(schema))
  }
})

t.test('python: a component is one class or one alias, also when it contains itself', async (t) => {
  const $ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
  const types = new PythonTypes(withSchemas({
    User: object({ friends: { type: 'array', items: $ref('User') } }),
    Json: {
      anyOf: [
        { type: 'string' },
        { type: 'array', items: { anyOf: [$ref('Json'), { type: 'null' }] } },
        { type: 'object', additionalProperties: $ref('Json') }
      ]
    },
    Maybe: { anyOf: [$ref('Maybe'), { type: 'null' }] }
  }), new ClassNames([]))
  t.equal(types.typeOf(object({ a: $ref('User'), b: $ref('User'), c: $ref('Json'), d: $ref('Maybe') }), 'x'), 'X')
  t.equal(types.classes.length, 2)
  t.match(types.classes.join(), / {4}friends: list\[User\]\n/)
  t.strictSame(types.aliases, [
    'Json: TypeAlias = Union[str, list[Union["Json", None]], dict[str, "Json"]]\n',
    'Maybe: TypeAlias = Union["Maybe", None]\n'
  ])
  t.ok(types.isNullable($ref('Maybe')))
})

t.test('python: names are those of Python, and none is given twice', async (t) => {
  const types = new PythonTypes(withSchemas(), new ClassNames(runtimeNames))
  const wired = ['class', 'userId', 'user_id', 'HTMLText', '1st', '', '名前', '__init__', 'str', 'a-b', 'a.b', 'self']
  types.typeOf(object(Object.fromEntries(wired.map((name) => [name, { type: 'null' }]))), 'Request')
  const [code = ''] = types.classes
  t.match(code, /^class Request2:$/m, 'the runtime has a class of that name')
  t.strictSame([...code.matchAll(/^ {4}(\w+): None/gm)].map(([, name]) => name), [
    'n_1st', 'class_', 'user_id', 'user_id_2', 'html_text', 'member', 'member_2', 'init', 'str_', 'a_b', 'a_b_2',
    'self_'
  ].sort((a, b) => code.indexOf(`    ${a}:`) - code.indexOf(`    ${b}:`)))
  const names = new ClassNames([])
  t.strictSame(['a', 'a', '1 b', '', ''].map((name) => names.take(name)), ['A', 'A2', 'N1B', 'Unnamed', 'Unnamed2'])
})

t.test('python: a contract that uses everything has a class for each message and error', async (t) => {
  const document = asyncApiDocument([fullRoute])
  const text = ownPart(document)
  t.equal(ownPart(JSON.parse(JSON.stringify(document)) as AsyncApiDocument), text, 'the same document, the same bytes')
  for (const line of [
    'class PostAdd(Request["ForumTopicThread1Id", PostAddReply]):',
    '    _errors = (PostAddMuted, PostAddTooLong, PostAddOdd)', '    _idempotent = True',
    'class Posted(Post, Event):', 'class CommentAdd(CommentAdd2, Request["ForumTopicThread1Id", CommentAdd2]):',
    '    """\'post.add\' failed with \'muted\'."""', '    details: PostAddMutedDetails',
    '    payload: DescribePayload1 | DescribePayload2', '    payload: dict[str, tuple[bool, str, str]]',
    'class ForumTopicThread1IdPingUser(Event):', '        topic: Topic,', '    _carrier = "header"',
    'class Quiet(Channel[QuietMessage, None, None]):', 'class LikesTopicId(Channel[Event, None, None]):',
    'class OddBraceId(Channel[OddBraceIdMessage, Event2, None]):',
    '    Channel[ForumTopicThread1IdMessage, None, ForumTopicThread1IdSnapshot],',
    'class TenantWsClient(ChannelsClient[TenantWsClientMessage]):', '    All of the forum.'
  ]) t.ok(text.split('\n').includes(line), line)
})

t.test('python: the token travels as the route takes it, and channels of two routes are one class', async (t) => {
  const carriers = [['query'], ['subprotocol', 'query'], [{ cookie: 'sid' }], []] as const
  for (const [i, expected] of ['query', 'subprotocol', 'cookie:sid', 'header'].entries()) {
    const text = ownPart(asyncApiDocument([{ url: '/', contracts: [], carriers: carriers[i] as never }]))
    t.match(text, `\n    _carrier = "${expected}"\n`)
    t.match(text, '\nclass Client(ChannelsClient[Event]):\n')
  }
  const contract = defineChannel({ pattern: 'alpha', fromClient: { b: {} }, fromServer: {} })
  const other = defineChannel({ pattern: 'alpha', fromClient: {}, fromServer: {} })
  const own = { securitySchemes: { own: { type: 'httpApiKey', in: 'header', name: 'x' }, other: { type: 'http' } } }
  const text = ownPart(asyncApiDocument([
    { url: '/one', contracts: [contract], ...own }, { url: '/two', contracts: [contract] },
    { url: '/three', contracts: [other] }
  ]))
  t.match(text, /class Alpha\(.*class Alpha2\(.*class OneClient\(.*class TwoClient\(.*class ThreeClient\(/s)
  t.match(text, '\n    _carrier = "header"\n', 'where the document does not say it')
  t.notMatch(text, 'class Alpha3(')
})

t.test('python: payloads and replies may be absent, and null is a value where the schema says so', async (t) => {
  const Text = Type.Object({ text: Type.String() })
  const messages = { maybe: { payload: Text, reply: Text }, either: { payload: Type.Union([Text, Type.Null()]) } }
  const contract = defineConnection({ fromClient: messages, fromServer: {} })
  const document = JSON.stringify(asyncApiDocument([{ url: '/', contracts: [contract] }]), (name, value: object) => {
    if (name !== 'maybe' && name !== 'maybe.ack') return value
    const { payload } = value as { payload: { required: string[] } }
    return { ...value, payload: { ...payload, required: payload.required.filter((name) => name !== 'payload') } }
  })
  const text = ownPart(JSON.parse(document) as AsyncApiDocument)
  t.match(text, /_reply = (\w+) \| None\n {4}_form = "value"\n\n {4}payload: \1 \| None = None\n/)
  t.match(text, /_type = "either"\n {4}_form = "value"\n\n {4}payload: \w+ \| None\n/)
})

t.test('python: a document of another author may say less', async (t) => {
  const message = { name: 'hi', payload: { properties: {}, required: [] } }
  const operation = (action: string) =>
    ({ action, channel: { $ref: '#/channels/a' }, messages: [{ $ref: '#/channels/a/messages/hi' }] })
  const text = ownPart({
    info: { title: 'Other', version: '1' },
    components: {},
    channels: { a: { address: 'a', 'x-pattern': 'a/:id', messages: { hi: message } } },
    operations: { receive: operation('receive'), send: operation('send') }
  } as unknown as AsyncApiDocument)
  t.match(text, 'class Hi(Request["AId", None]):\n    _type = "hi"\n    _form = "none"\n')
  t.match(text, 'class AIdHi(Event):\n')
  t.match(text, /^ {8}id: str,$/m)
})

t.test('python: a text with harmful characters stays a text', async (t) => {
  const text = stringLiteral('a"b\\c\n\u0000\u2028\u202e\ud800é👋')
  t.equal(text, '"a\\"b\\\\c\\n\\u0000\\u2028\\u202e\\ud800é👋"')
  const doc = docstring(' a"""\\\r\n\r\n  b\t\u202e\ud800', '  ')
  t.equal(doc, '  """a\\"\\"\\"\\\\\n\n    b\\u0009\\u202e\ufffd\n  """\n')
  t.equal(docstring('one', ''), '"""one"""\n')
})
