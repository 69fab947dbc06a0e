import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
import { asyncApiDocument } from '../../lib/asyncapi/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { chat } from '../../routes/chat/chat.contract.ts'
import { expectedOf, generate, sessionsFor } from '../support/clients/generated.ts'
import { filesOfPage, findPython, programs, run, runFlow } from '../support/clients/run-flow.ts'
import { SessionServer } from '../support/clients/session-server.ts'
import { serveDemo } from '../support/demo.ts'
import { sampleSessions } from '../support/docs/sessions.ts'
import { until } from '../support/until.ts'
import { serveTalk } from '../support/clients/talk.ts'

const page = 'docs/clients/python.md'

t.test('clients: the Python client of docs/clients/python.md speaks the main flow of the protocol', async (t) => {
  const folder = await filesOfPage(t, page, 'python')
  const program = { command: findPython(), args: [join(programs, 'flow.py')], env: { PYTHONPATH: folder } }
  await runFlow(t, await serveTalk(t), program)
})

t.test('clients: the chat of docs/clients/python.md recovers the messages that it missed', async (t) => {
  const demo = await serveDemo(t)
  const room = demo.app.rooms.of(chat, { room: 'lobby' })
  const post = (text: string) => room.broadcast('message.posted', { id: text, from: 'b', name: 'Bob', text, at: 0 })
  const child = spawn(findPython(), [join(await filesOfPage(t, page, 'python'), 'chat.py'), demo.http, 'Ann'])
  t.teardown(() => child.kill())
  child.stderr.on('data', (text) => t.comment(String(text)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => (await lines.next()).value as unknown

  t.equal(await next(), 'the history starts here')
  t.equal(await next(), 'Ann: hello from Ann')
  for (const socket of demo.app.websocketServer.clients) socket.terminate()
  await post('one')
  await post('two')
  t.equal(await next(), 'Bob: one')
  t.equal(await next(), 'Bob: two')
  await post('three')
  t.equal(await next(), 'Bob: three', 'each message is shown once, and the greeting was sent once')
})

t.test('clients: the generated Python client speaks the sample sessions of docs/protocol.md', async (t) => {
  const sessions = sampleSessions()
  const server = await SessionServer.start(t, sessions)
  const program = { command: findPython(), args: [join(programs, 'sessions.py')], env: { PYTHONPATH: generate(t) } }
  const { output, complaint, code } = await run(t, program, {
    CHANNELS_URL: server.url, SESSIONS: sessionsFor(sessions)
  })
  const noticed = output.trim().split('\n')
  t.strictSame({ complaint, code, unexpected: server.unexpected }, { complaint: '', code: 0, unexpected: [] })
  t.equal(noticed.length, sessions.length)
  for (const [i, session] of sessions.entries()) {
    t.strictSame(JSON.parse(noticed[i] ?? 'null'), expectedOf(session), session.title)
  }
})

t.test('clients: the generated Python client chats, and recovers what it missed without a gap', async (t) => {
  const demo = await serveDemo(t)
  const room = demo.app.rooms.of(chat, { room: 'lobby' })
  const post = (text: string) => room.broadcast('message.posted', { id: text, from: 'b', name: 'Bob', text, at: 0 })
  const { client: bob } = await demo.connect('Bob', 'chat/lobby')
  const { token } = await demo.identity('Ann')
  const env = { PYTHONPATH: generate(t, await demo.app.channels.asyncapi(), 'demo_client') }
  const told: Array<[what: string, value: unknown]> = []
  const program = { command: findPython(), args: [join(programs, 'generated.py')], env }
  const variables = { CHANNELS_URL: `${demo.url}/ws/chat`, TOKEN: token }
  const ended = run(t, program, variables, (line) => told.push(JSON.parse(line) as [string, unknown]))

  t.match(await bob.next('message.posted'), { payload: { name: 'Ann', text: 'hello' } })
  await bob.request('typing', 'chat/lobby', { active: true })
  await bob.request('message.send', 'chat/lobby', { text: 'send one' })
  t.match(await bob.next('message.posted'), { payload: { text: 'send one' } })
  t.match(await bob.next('message.posted'), { payload: { name: 'Ann', text: 'one' } })
  for (const socket of demo.app.websocketServer.clients) socket.terminate()
  await post('missed 1')
  await post('missed 2')
  await until(() => told.some(([what, value]) => what === 'message' && String(value) === 'Bob,missed 2'))
  await post('over')
  t.match(await ended, { code: 0, complaint: '' })
  const carriers = ['header', 'subprotocol', 'query'].flatMap((carrier) => [
    ['carrier', [carrier, 'open']], ['refused', 401]
  ])
  t.strictSame(told.splice(0, 7), [...carriers, ['fetched', true]])
  t.strictSame(told.find(([what]) => what === 'presence'), ['presence', ['Ann', 'Bob']])
  t.strictSame(told.filter(([what]) => what === 'state' || what === 'typing'), [
    ['typing', true], ['state', 'connecting'], ['state', 'open'], ['state', 'closed']
  ])
  const issue = { path: '/text', message: 'Expected string length greater or equal to 1' }
  t.strictSame(told.filter(([what]) => !['state', 'typing', 'presence'].includes(what)), [
    ['resync', 'fresh'], ['sent', true], ['invalid_payload', issue],
    ['too large', "'message.send' has 70119 bytes; the server takes 65536"],
    ['message', ['Ann', 'hello']], ['message', ['Bob', 'send one']], ['message', ['Ann', 'one']],
    ['message', ['Bob', 'missed 1']], ['message', ['Bob', 'missed 2']], ['message', ['Bob', 'over']],
    ['history', [['missed 2', 'over'], true]]
  ])
})

/** A text that would run, hide or break something wherever it became code. */
const hostile = '"""\nimport os; os.abort()\n\'\'\'\\" \u0000\r\u2028\u202e\ud800\\N{DIGIT ONE}#{os.abort()}\\'

/** A document of strangers: each of its texts means harm. */
function hostileDocument (): AsyncApiDocument {
  const said = { description: 'TEXT' }
  const Shared = Type.Object({ MEMBER: Type.Union([Type.Literal('TEXT'), Type.Literal('b')], said) }, {
    $id: 'TEXT', title: 'TEXT', ...said
  })
  const contract = defineChannel({
    pattern: 'TEXT/:room',
    params: Type.Object({ room: Type.String({ pattern: '^TEXT$', description: 'TEXT' }) }),
    fromClient: { TEXT: { payload: Shared, reply: Shared, errors: { TEXT: Shared } } },
    fromServer: { TEXT: { payload: Type.Object({ TEXT: Shared }) } },
    presence: Shared
  } as never)
  const info = { title: 'TEXT', version: 'TEXT' }
  const text = JSON.stringify(asyncApiDocument([{ url: '/TEXT', contracts: [contract] }], { info }))
  return JSON.parse(text.replace(/TEXT/g, () => JSON.stringify(hostile).slice(1, -1))) as AsyncApiDocument
}

t.test('clients: no text of a document becomes code of the generated Python client', async (t) => {
  const check = `import ast, json, sys, hostile_client as module
event = module.Event.__subclasses__()[0]
hostile = json.loads(sys.argv[1])
message = module._message_of(event, {hostile: {"MEMBER": hostile}})
code = ast.parse(open(module.__file__).read()).body
print(json.dumps([
    event._type, module._encode(message), module.RequestError.__subclasses__()[0].CODE, module.__doc__,
    sorted({type(statement).__name__ for statement in code}),
]))`
  const { output, complaint, code } = await run(t, {
    command: findPython(),
    args: ['-c', check, JSON.stringify(hostile)],
    env: { PYTHONPATH: generate(t, hostileDocument(), 'hostile_client') }
  })
  t.strictSame({ complaint, code }, { complaint: '', code: 0 })
  const [type, message, error, doc, statements] = JSON.parse(output) as unknown[]
  t.strictSame([type, message, error], [hostile, { [hostile]: { MEMBER: hostile } }, hostile])
  const shown = hostile.replace('\r', '\n').toWellFormed()
  t.ok(String(doc).startsWith(`${shown} ${shown}: its WebSocket API`))
  t.strictSame(statements, [
    'AnnAssign', 'Assign', 'AsyncFunctionDef', 'ClassDef', 'Expr', 'FunctionDef', 'Import', 'ImportFrom'
  ])
})

const Kinds = Type.Module({
  Json: Type.Union([
    Type.Null(), Type.Boolean(), Type.Number(), Type.String(), Type.Array(Type.Ref('Json')),
    Type.Record(Type.String(), Type.Ref('Json'))
  ]),
  Tree: Type.Object({ value: Type.Integer(), children: Type.Array(Type.Ref('Tree')) }),
  Shape: Type.Union([Type.Ref('Circle'), Type.Ref('Group')]),
  Circle: Type.Object({ kind: Type.Literal('circle'), radius: Type.Number() }),
  Group: Type.Object({ kind: Type.Literal('group'), shapes: Type.Array(Type.Ref('Shape')) })
})

type KindOfValue = readonly [schema: TSchema, good: readonly unknown[], bad: readonly unknown[]]

/** Schemas, with values that have to stay what they are, and values that are none. */
const values: Readonly<Record<string, KindOfValue>> = {
  json: [Kinds.Import('Json'), [null, true, 1, 1.5, 'a', [[], { a: [null] }], { from: { x: 1 } }], []],
  tree: [Kinds.Import('Tree'), [{ value: 1, children: [{ value: 2, children: [] }] }], [{ value: 1 }, { value: true }]],
  shape: [
    Kinds.Import('Shape'), [{ kind: 'group', shapes: [{ kind: 'circle', radius: 1 }, { kind: 'group', shapes: [] }] }],
    [{ kind: 'circle' }, { kind: 'group', shapes: [{ kind: 'square' }] }, 'circle']
  ],
  optional: [
    Type.Object({ a: Type.Optional(Type.String()), b: Type.Optional(Type.Union([Type.String(), Type.Null()])) }),
    [{}, { a: 'x' }, { b: null }, { b: 'x' }], [{ a: 1 }]
  ],
  open: [
    Type.Object({ class: Type.String() }, { additionalProperties: Type.Integer() }), [{ class: 'a', x: 1 }], [{}]
  ],
  either: [
    Type.Union([Type.Object({ a: Type.String() }), Type.Object({ a: Type.String(), b: Type.String() })]),
    [{ a: 'x' }, { a: 'x', b: 'y' }], [{ b: 'x' }]
  ],
  tuple: [Type.Tuple([Type.Boolean(), Type.Integer()]), [[true, 1]], [[true], [1, 1], [true, 1, 1]]],
  record: [Type.Record(Type.String(), Type.Array(Type.Integer())), [{}, { a: [1], class: [] }], [{ a: 1 }, []]],
  literal: [Type.Union([Type.Literal(1), Type.Literal(true), Type.Literal('a')]), [1, true, 'a'], [2, 'b', null]],
  number: [Type.Number(), [1, 1.5], [true, '1']],
  text: [Type.Union([Type.String(), Type.Null()]), ['a', null], [1]]
}

t.test('clients: the generated Python client reads and writes values of every kind', async (t) => {
  const messages = Object.fromEntries(Object.entries(values).map(([name, [payload]]) => [name, { payload }]))
  const contract = defineChannel({ pattern: 'kinds', fromClient: {}, fromServer: messages } as never)
  const check = `import json, sys, kinds_client as module
for name, good, bad in json.loads(sys.argv[1]):
    event = module.Kinds._events[name]
    for value in good:
        made = module._payload_of(module._message_of(event, value))
        assert made == value and type(made) is type(value), (name, value, made)
    for value in bad:
        try:
            print(name, value, module._message_of(event, value))
        except module.DecodeError:
            pass
message = module._message_of(module.Kinds._events["tree"], {"value": 1.0, "children": [], "later": 1})
print(repr(message))
`
  const rows = Object.entries(values).map(([name, [, good, bad]]) => [name, good, bad])
  const { output, complaint } = await run(t, {
    command: findPython(),
    args: ['-c', check, JSON.stringify(rows)],
    env: { PYTHONPATH: generate(t, asyncApiDocument([{ url: '/', contracts: [contract] }]), 'kinds_client') }
  })
  t.equal(complaint, '')
  t.equal(output, 'Tree(value=1, children=[])\n', 'no bad value is taken, and an unknown member is ignored')
})
