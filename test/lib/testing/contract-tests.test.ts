import { FormatRegistry, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { closeSchema } from '../../../lib/contract/schema/close-schema.ts'
import { arbitraryOf, loadFastCheck } from '../../../lib/testing/contract-rules/arbitraries.ts'
import { mutationsOf } from '../../../lib/testing/contract-rules/mutations.ts'
import {
  contractTests, BrokenContract, type ContractTest, type ContractTestOptions
} from '../../../lib/testing/contract-tests.ts'
import { Subject } from '../../../lib/testing/contract-rules/subject.ts'
import { WireCheck } from '../../../lib/testing/contract-rules/wire-check.ts'
import { UpgradeRefused } from '../../../lib/testing/test-client.ts'
import { channels, defineChannel, defineConnection, implement } from '../../../plugins/channels.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'
import type { Envelope } from '../../../lib/protocol/envelope.ts'
import { board, RogueServer, type Answers, type Defect } from '../../support/rogue-server.ts'

type Options = Partial<ContractTestOptions<'post' | 'poke'>>

/** Far above the time of any reply, because the machine may be busy. */
const timeout = 60_000

/** The tests of a server with this defect. */
async function testsOf (t: Test, defect: Defect, options: Options = {}): Promise<ContractTest[]> {
  const server = await RogueServer.start(t, defect)
  return contractTests(server.url, board, {
    path: '/',
    token: (user) => `user-${user}`,
    forbidden: [{ token: 'user-banned' }, { params: { id: 'closed' } }],
    runs: 6,
    timeout,
    seed: 7,
    wait: (ms) => server.pass(ms),
    ...options
  })
}

async function failureOf ({ name, run }: ContractTest): Promise<BrokenContract> {
  return run().then(() => { throw new Error(`'${name}' passes`) }, (error: unknown) => error as BrokenContract)
}

const changed = (type: string, change: (answers: Answers) => Partial<Answers>) =>
  (answers: Answers, request: { readonly type: string }) =>
    request.type === type ? { ...answers, ...change(answers) } : answers

const replying = (type: string, reply: Answers['reply']): Defect => ({ answers: changed(type, () => ({ reply })) })
const failing = (type: string, payload: object): Defect =>
  replying(type, { type: 'error', payload: { message: 'x', ...payload } })
const broadcasting = (broadcast: Partial<Envelope>): Defect =>
  ({ answers: changed('post', () => ({ broadcasts: [broadcast] })) })
const changingBroadcasts = (change: Partial<Envelope>): Defect => ({
  answers: changed('post', ({ broadcasts }) => ({ broadcasts: broadcasts.map((one) => ({ ...one, ...change })) }))
})

t.test('contract tests: a server that keeps its contract passes', async (t) => {
  const tests = await testsOf(t, {})
  t.equal(tests.length, 20)
  for (const { name, run } of tests) await t.resolves(run(), name)
})

/** Each defect with the title of a test that finds it, and what its error says. */
const defects: Readonly<Record<string, readonly [defect: Defect, title: RegExp, error: Partial<BrokenContract>]>> = {
  'a wrong reply': [
    replying('post', { type: 'ack', payload: { id: 7 } }),
    /'post': random valid/, { issue: 'an invalid reply', expected: "'/id': Expected string" }
  ],
  'a reply that is not declared': [
    replying('poke', { type: 'ack', payload: {} }),
    /'poke': random valid/, { issue: 'an invalid reply', expected: 'nothing, because none is declared' }
  ],
  'a leaked field': [
    changingBroadcasts({ payload: { id: '1', text: 'x', passwordHash: 'x' } }),
    /'post': random valid/,
    { issue: 'an invalid message', type: 'posted', expected: "'/passwordHash': Unexpected property" }
  ],
  'a leaked field in an error': [
    failing('join', { code: 'forbidden', stack: 'x' }),
    /ack of a join/, { issue: 'an invalid error', expected: "'/payload/stack': Unexpected property" }
  ],
  'a leaked field in the presence list': [
    replying('join', { type: 'ack', payload: { presence: [{ user: 'a', data: { name: 'A', email: 'x' } }] } }),
    /ack of a join/, { issue: 'invalid presence', expected: "'/email': Unexpected property" }
  ],
  'a handler that accepts invalid input': [
    { takesAnyPayload: true }, /'post': invalid payloads/, { type: 'post', expected: 'invalid_payload' }
  ],
  'a handler without a payload that accepts one': [
    { takesAnyPayload: true }, /'poke': invalid payloads/, { issue: 'an accepted invalid payload (a payload)' }
  ],
  'an effect of a refused message': [
    {
      answers: changed('post', ({ reply, broadcasts }) =>
        ({ reply, broadcasts: [...broadcasts, { type: 'posted', payload: { id: '1', text: 'x' } }] }))
    },
    /'post': invalid payloads/,
    { received: { type: 'posted', channel: /^board/, payload: { id: '1', text: 'x' } } as never }
  ],
  'a missing ack': [
    replying('post', undefined),
    /'post': random valid/,
    { issue: 'a missing reply', expected: 'an ack or an error with its correlationId within 50 ms' }
  ],
  'a second reply': [
    { answers: changed('post', () => ({ secondReply: { type: 'ack', payload: { id: '1' } } })) },
    /'post': random valid/, { issue: 'a reply without a request', expected: 'one reply to each request' }
  ],
  'a wrong channel': [
    changingBroadcasts({ channel: 'board/other' }),
    /'post': random valid/, { issue: 'a message of a channel that was not joined' }
  ],
  'a reply on a wrong channel': [
    { answers: changed('post', ({ reply }) => ({ reply: { ...reply, channel: 'board/other' } })) },
    /'post': random valid/, { issue: 'a reply on another channel' }
  ],
  'a broadcast off its schema': [
    broadcasting({ type: 'posted', payload: { id: 'a' } }),
    /'post': random valid/, { issue: 'an invalid message', expected: "'/text': Expected required property" }
  ],
  'a broadcast that is not declared': [
    broadcasting({ type: 'deleted' }),
    /'post': random valid/, { issue: 'an undeclared message', expected: 'one of posted, poked' }
  ],
  'a message of clients from the server': [
    broadcasting({ type: 'join' }),
    /'post': random valid/, { issue: 'a message of a client from the server' }
  ],
  'an invalid control message': [
    broadcasting({ type: 'left', payload: {} }),
    /'post': random valid/, { issue: 'an invalid control message' }
  ],
  'an entry of a history that the channel has not': [
    changingBroadcasts({ offset: 1, id: 'a', hash: 'b', prev: '' } as object),
    /'post': random valid/, { issue: 'a wrong header', expected: 'no header of an entry' }
  ],
  'an undeclared error': [
    failing('post', { code: 'oops' }),
    /'post': random valid/, { issue: 'an undeclared error', expected: 'a code of the protocol or muted' }
  ],
  'an undeclared error of a join': [
    failing('join', { code: 'oops' }), /ack of a join/, { issue: 'an undeclared error', expected: 'a code of the protocol' }
  ],
  'a join that is refused': [failing('join', { code: 'forbidden' }), /ack of a join/, { issue: 'a refused join' }],
  'an idempotent message that never gets an ack': [
    failing('post', { code: 'muted', details: { until: 1 } }), /sent again/, { issue: '5 valid messages without an ack' }
  ],
  'a declared error with invalid data': [
    failing('post', { code: 'muted', details: {} }),
    /'post': random valid/, { issue: 'invalid data of an error' }
  ],
  'a handler that fails': [
    failing('post', { code: 'internal' }),
    /'post': payloads at the bounds/, { issue: 'a valid message without success' }
  ],
  'a connection that needs no token': [{ takesAnyToken: true }, /without a token/, { issue: 'a missing authorization' }],
  'a connection that takes a wrong token': [{ takesAnyToken: true }, /with a wrong token/, { type: 'upgrade' }],
  'a user who may not join and does': [{ takesAnyUser: true }, /forbidden join 1/, { issue: 'a missing authorization' }],
  'a channel that nobody may join and everybody does': [
    { takesAnyUser: true }, /forbidden join 2/, { expected: 'forbidden' }
  ],
  'a message without a join': [{ needsNoJoin: true }, /'post': a message before/, { expected: 'not_joined' }],
  'a join of any address': [{ takesAnyAddress: true }, /invalid params/, { expected: 'unknown_channel' }],
  'an undeclared message that is handled': [
    replying('undeclared.message', { type: 'ack' }), /undeclared/, { expected: 'unknown_type' }
  ],
  'a message to a connection that has not joined': [
    { sendsToAll: true }, /has not joined/, { issue: 'a message of a channel that was not joined' }
  ],
  'a token of another user that is accepted': [
    replying('refresh', { type: 'ack' }), /refresh/, { issue: 'an accepted token', expected: 'invalid_token' }
  ],
  'a rate limit that does not say when to try again': [
    failing('poke', { code: 'rate_limited' }), /'poke': random valid/, { issue: 'an error without a time' }
  ],
  'a message after a leave': [{ ignoresLeaves: true }, /after the ack of a leave/, { issue: 'a message of a channel that was not joined' }],
  'a rate limit that is not applied': [
    { hasNoRates: true }, /rate_limited/, { expected: '4 within 60000 ms, and not 9 of 9' }
  ],
  'a message that takes effect twice': [
    { forgetsIds: true }, /sent again/, { issue: 'a second effect', type: 'post' }
  ],
  'another reply to a message that is sent again': [
    { answers: changed('post', ({ reply }) => ({ reply: { ...reply, payload: { id: String(counter++) } } })) },
    /sent again/, { issue: 'another reply to the same message' }
  ]
}

let counter = 0

for (const [what, [defect, title, error]] of Object.entries(defects)) {
  t.test(`contract tests: they find ${what}`, async (t) => {
    const tests = await testsOf(t, defect, what === 'a missing ack' ? { timeout: 50 } : {})
    const [test] = tests.filter(({ name }) => title.test(name)) as [ContractTest]
    const found = await failureOf(test)
    t.type(found, BrokenContract)
    t.match(found, error)
    t.match(found.message, /\n {2}repeat with: \{ seed: 7 \}$/)
  })
}

const notices = defineConnection({ fromClient: { hello: {} }, fromServer: { notice: { payload: Type.String() } } })

const notes = defineChannel({
  pattern: 'notes',
  fromClient: {
    write: { payload: Type.Object({ text: Type.String() }), idempotent: true, rateLimit: { max: 3, timeWindow: 100 } },
    purge: { rateLimit: { max: 1_000, timeWindow: 1_000 } },
    anything: { payload: Type.Any() }
  },
  fromServer: { written: { payload: Type.Object({ text: Type.String() }) }, seen: { ephemeral: true } },
  presence: { data: Type.Object({ name: Type.String() }) },
  history: { limit: 10, ttl: 60_000, snapshot: Type.Object({ count: Type.Integer() }) },
  shared: true
})

async function serveNotes (t: Test): Promise<FastifyInstance> {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { strict: true, presenceGrace: 0, drain: { timeout: 0 } })
  app.ws('/ws', {
    public: true,
    connected: (ctx) => ctx.send(notices, 'notice', 'welcome')
  }, [
    implement(notices, { on: { hello: () => {} } }),
    implement(notes, {
      presence: () => ({ name: 'x' }),
      on: {
        write: async (ctx, { text }) => {
          const { position } = await app.rooms.of(notes).read()
          await ctx.append('written', { text }, { after: position, snapshot: { count: position.offset } })
          await ctx.broadcast('seen')
        },
        purge: () => { throw new Error('never called') },
        anything: () => {}
      }
    })
  ])
  return app
}

t.test('contract tests: a strict server of the library passes', async (t) => {
  const app = await serveNotes(t)
  const tests = contractTests(app, notes, {
    path: '/ws', runs: 4, timeout, skip: ['purge'], payloads: { write: [{ text: 'hello' }] }, params: {}
  })
  t.strictSame(tests.filter(({ name }) => /purge|token|params/.test(name)), [])
  for (const { name, run } of tests) await t.resolves(run(), name)
})

t.test('contract tests: the messages of a connection are tested without a channel', async (t) => {
  const tests = contractTests(await serveNotes(t), notices, { path: '/ws', runs: 4, timeout })
  t.strictSame(tests.map(({ name }) => name), [
    "connection 'hello': payloads at the bounds of the schema get a valid reply",
    "connection 'hello': random valid payloads get a valid reply",
    "connection 'hello': invalid payloads are refused and have no effect"
  ])
  for (const { name, run } of tests) await t.resolves(run(), name)
})

t.test('contract tests: another error is that of the connection', async (t) => {
  const [test] = contractTests(await serveNotes(t), notes, { path: '/nowhere', token: 'one' }) as [ContractTest]
  t.type(await failureOf(test), UpgradeRefused)
})

t.test('contract tests: an error shows long messages in part', async (t) => {
  const failure = new BrokenContract('an issue', 'post', { received: 'x'.repeat(3_000), expected: 'y' })
  t.match(failure.message, /x… \(3002 characters\)$/)
})

t.test('contract tests: without fast-check the error says what to install', async (t) => {
  await t.rejects(loadFastCheck(() => Promise.reject(new Error('no such package'))), {
    message: "contract tests need the package 'fast-check', which is not installed: npm install --save-dev fast-check"
  })
})

t.test('contract tests: random values of every kind of schema are valid', async (t) => {
  FormatRegistry.Set('uuid', () => true)
  const fc = await loadFastCheck()
  for (const [name, schema] of Object.entries(schemasOfEveryKind)) {
    const closed = closeSchema(schema, name)
    const values = fc.sample(arbitraryOf(fc, closed), { numRuns: 8, seed: 1 })
    t.strictSame(values.filter((value) => !Value.Check(closed, JSON.parse(JSON.stringify(value)))), [], name)
  }
})

t.test('contract tests: each mutation breaks the schema, and every part has some', async (t) => {
  const schema = closeSchema(Type.Object({
    text: Type.String({ minLength: 2, maxLength: 3 }),
    long: Type.Optional(Type.String()),
    number: Type.Integer({ minimum: 0, maximum: 5 }),
    list: Type.Array(Type.Boolean(), { minItems: 1, maxItems: 2 }),
    pair: Type.Tuple([Type.Null(), Type.Number()]),
    map: Type.Record(Type.String(), Type.Boolean()),
    rest: Type.Unknown()
  }), 'x')
  const mutations = mutationsOf(schema, {
    text: 'ab', long: 'x', number: 1, list: [true], pair: [null, 1], map: {}, rest: []
  })
  t.strictSame(mutations.filter(({ value }) => Value.Check(schema, value)), [])
  const made = new Set(mutations.map(({ what }) => what))
  const expected = [
    "the payload lacks 'text'", 'the payload has an undeclared property', 'the payload is []', '/text is 1.5',
    '/text is beyond its bounds', '/number is beyond its bounds', '/list is beyond its bounds', '/list/0 is {}',
    '/pair/0 is true', '/pair/1 is "text"', '/map is []'
  ]
  t.strictSame(expected.filter((what) => !made.has(what)), [])
  t.notOk(made.has('/map has an undeclared property'), 'a record takes any name')
  t.strictSame(mutationsOf(closeSchema(Type.Array(Type.Any(), { maxItems: 0 }), 'x'), []).length > 4, true)
})

t.test('contract tests: the wire of a channel with history, presence and another version is checked', async (t) => {
  const check = new WireCheck(new Subject('ws://localhost', notes, { path: '' }))
  const join = { type: 'join', channel: 'notes', correlationId: '1' }
  check.sent(join)
  const start = { epoch: 'e', offset: 0, hash: '', recovered: false, reason: 'fresh', messages: [] }
  check.check({ ...join, type: 'ack', payload: { presence: [], idempotent: ['write'], ...start } })
  const entry = { type: 'written', channel: 'notes', payload: { text: 'x' }, offset: 1, id: 'a', hash: 'b', prev: '' }
  const resync = (state: unknown, messages: readonly unknown[]) => ({
    type: 'resync',
    channel: 'notes',
    payload: { epoch: 'e', offset: 1, hash: 'b', reason: 'slow', snapshot: { offset: 0, hash: '', state }, messages }
  })
  const presence = (payload: object) => ({ type: 'presence', channel: 'notes', payload })
  const valid = [
    entry, { type: 'newer', channel: 'notes' }, { type: 'seen', channel: 'notes' }, resync({ count: 1 }, [entry]),
    presence({ joined: [{ user: 'a', data: { name: 'A' } }], left: ['b'] }),
    { type: 'notice', payload: 'of a connection' }
  ]
  for (const message of valid) t.doesNotThrow(() => check.check(message), message.type)
  const invalid: ReadonlyArray<readonly [message: Envelope, issue: string]> = [
    [{ type: 'written', channel: 'notes', payload: { text: 'x' } }, 'a wrong header'],
    [resync({ count: '1' }, []), 'an invalid snapshot'],
    [resync({ count: 1 }, [{ ...entry, payload: {} }]), 'an invalid message'],
    [presence({ updated: [{ user: 'a', data: {} }] }), 'invalid presence'],
    [presence({ present: [{ user: 'a', data: {} }] }), 'invalid presence'],
    [entry, 'a hole in the history'],
    [{ ...entry, offset: 2, prev: 'c' } as Envelope, 'a hole in the history']
  ]
  for (const [message, issue] of invalid) {
    t.throws(() => check.check(message), { message: new RegExp(`^${issue} in`) }, issue)
  }
  check.check({ type: 'left', channel: 'notes', payload: { code: 'removed' } })
  const seen = { type: 'seen', channel: 'notes' }
  t.throws(() => check.check(seen), { message: /^a message of a channel that was not joined/ }, 'after left')
  check.check({ type: 'joined', channel: 'notes', payload: { presence: [] } })
  t.doesNotThrow(() => check.check(seen), 'after joined')
  const unavailable = new WireCheck(new Subject('ws://localhost', notes, { path: '' }))
  unavailable.sent(join)
  unavailable.check({ ...join, type: 'ack', payload: {} })
  t.doesNotThrow(() => unavailable.check({ ...entry, offset: 7 }), 'without a position any entry may come')
  const chatCheck = new WireCheck(new Subject('ws://localhost', board, { path: '' }))
  chatCheck.sent({ type: 'join', correlationId: '1' })
  t.throws(() => chatCheck.check({ type: 'ack', correlationId: '1' }), { message: /^an invalid ack in 'join'/ })
})

t.test('contract tests: without an option they wait until a rate limit lets a message through', async (t) => {
  await t.resolves(new Subject('ws://localhost', notes, { path: '' }).wait(1))
})
