import { createRequire } from 'node:module'
import { FormatRegistry, Type, type TObject, type TSchema } from '@sinclair/typebox'
import jsonSchemaDiff from 'json-schema-diff'
import t from 'tap'
import { contractFingerprint } from '../../../lib/asyncapi/contract-fingerprint.ts'
import { asyncApiDocument, type DocumentedRoute } from '../../../lib/asyncapi/index.ts'
import { defineChannel, type AnyChannel } from '../../../lib/contract/define-channel.ts'
import { ComponentSchemas } from '../../../lib/asyncapi/schema/component-schemas.ts'
import type { AsyncApiDocument } from '../../../lib/asyncapi/asyncapi-document.ts'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import { seededRandom } from '../../../lib/contract/examples/random.ts'
import { compileValidator } from '../../../lib/contract/schema/validators.ts'
import { compareDocuments } from '../../../lib/tools/diff/compare-documents.ts'
import { refusalsOf } from '../../../lib/tools/diff/refusals.ts'
import { cases } from '../../support/long-form.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

/** Whom a change breaks. */
type Verdict = 'nobody' | 'old' | 'new' | 'both' | 'no change'

interface Parts {
  readonly pattern?: string
  readonly params?: TObject
  readonly fromClient?: object
  readonly fromServer?: object
  readonly presence?: unknown
  readonly history?: object
  readonly namespace?: string
  readonly shared?: true
}

const channel = (parts: Parts) => defineChannel({
  pattern: 'a', fromClient: {}, fromServer: {}, ...parts
} as never) as AnyChannel
const documentOf = (parts: Parts, route: Partial<DocumentedRoute> = {}) =>
  asyncApiDocument([{ url: '/ws', contracts: [channel(parts)], ...route }])

const text = Type.String()
const input = (payload?: TSchema): Parts => ({ fromClient: { say: payload ? { payload } : {} } })
const output = (payload?: TSchema): Parts => ({ fromServer: { said: payload ? { payload } : {} } })
const client = (message: object): Parts => ({ fromClient: { say: message } })
const reply = (schema?: TSchema) => client(schema ? { reply: schema } : {})
const errors = (all: object) => client({ errors: all })
const kept = { limit: 10, ttl: 1_000 }
const persistent = (message: object): Parts => ({ fromServer: { said: message }, history: kept })
const members = (list: string, data: TSchema = Type.Object({ n: text })): Parts => ({ presence: { data, list } })
const object = (properties: Record<string, TSchema>, options = {}) => Type.Object(properties, options)
const maybe = <S extends TSchema>(schema: S) => Type.Optional(schema)
const rate = (max: number, timeWindow: number) => client({ rateLimit: { max, timeWindow } })
const literals = (...values: string[]) => Type.Union(values.map((value) => Type.Literal(value)))

/** Changes of a schema, with the verdict where clients send it and where they receive it. */
const schemas: ReadonlyArray<readonly [what: string, old: TSchema, now: TSchema, input: Verdict, output: Verdict]> = [
  ['a description', text, Type.String({ description: 'x' }), 'no change', 'no change'],
  ['a shorter text', Type.String({ maxLength: 9 }), Type.String({ maxLength: 5 }), 'old', 'new'],
  ['a longer text', Type.String({ maxLength: 5 }), Type.String({ maxLength: 9 }), 'new', 'old'],
  ['a new bound', text, Type.String({ maxLength: 5 }), 'old', 'new'],
  ['a higher least length', Type.String({ minLength: 1 }), Type.String({ minLength: 2 }), 'old', 'new'],
  ['a least length of 0', text, Type.String({ minLength: 0 }), 'no change', 'no change'],
  ['a new pattern', text, Type.String({ pattern: '^a$' }), 'old', 'new'],
  ['another pattern', Type.String({ pattern: '^a$' }), Type.String({ pattern: '^b$' }), 'both', 'both'],
  ['no pattern any more', Type.String({ pattern: '^a$' }), text, 'new', 'old'],
  ['a flag of an expression', Type.RegExp(/a/), Type.RegExp(/a/i), 'both', 'both'],
  ['a number in place of a text', text, Type.Number(), 'both', 'both'],
  ['an integer in place of a number', Type.Number(), Type.Integer(), 'old', 'new'],
  ['a number in place of an integer', Type.Integer(), Type.Number(), 'new', 'old'],
  ['anything in place of a text', text, Type.Any(), 'new', 'old'],
  ['a text in place of anything', Type.Any(), text, 'old', 'new'],
  ['nothing in place of a text', text, object({ a: maybe(Type.Never()) }), 'both', 'both'],
  ['a lower maximum', Type.Number({ maximum: 9 }), Type.Number({ maximum: 5 }), 'old', 'new'],
  ['a lower minimum', Type.Number({ minimum: 9 }), Type.Number({ minimum: 5 }), 'new', 'old'],
  ['an exclusive bound', Type.Number({ minimum: 1 }), Type.Number({ exclusiveMinimum: 1 }), 'old', 'new'],
  ['an exclusive bound further out', Type.Number({ minimum: 2 }), Type.Number({ exclusiveMinimum: 1 }), 'new', 'old'],
  ['an exclusive maximum', Type.Number({ maximum: 1 }), Type.Number({ exclusiveMaximum: 2 }), 'new', 'old'],
  ['a step', Type.Number(), Type.Number({ multipleOf: 2 }), 'old', 'new'],
  ['a member more', object({ a: text }), object({ a: text, b: text }), 'both', 'new'],
  ['an optional member more', object({ a: text }), object({ a: text, b: maybe(text) }), 'new', 'nobody'],
  ['a member less', object({ a: text, b: text }), object({ a: text }), 'both', 'old'],
  ['an optional member less', object({ b: maybe(text) }), object({}), 'old', 'nobody'],
  ['a member that may be absent', object({ a: text }), object({ a: maybe(text) }), 'new', 'old'],
  ['a member that may not be absent', object({ a: maybe(text) }), object({ a: text }), 'old', 'new'],
  ['a member of another type', object({ a: object({ b: text }) }), object({ a: object({ b: Type.Null() }) }),
    'both', 'both'],
  ['an open object', object({}), object({}, { additionalProperties: true }), 'new', 'nobody'],
  ['a closed object', object({}, { additionalProperties: true }), object({}), 'old', 'nobody'],
  ['other further members', object({}, { additionalProperties: text }),
    object({}, { additionalProperties: Type.Number() }), 'both', 'both'],
  ['a record of other values', Type.Record(text, text), Type.Record(text, Type.Number()), 'both', 'both'],
  ['a record in place of an object', object({ a: text }), Type.Record(text, text), 'new', 'old'],
  ['an object in place of a record', Type.Record(text, text), object({}), 'old', 'nobody'],
  ['a record in place of a member of another type', object({ a: maybe(Type.Number()) }), Type.Record(text, text),
    'both', 'both'],
  ['more members needed', object({}, { minProperties: 0 }), object({}, { minProperties: 1 }), 'old', 'new'],
  ['fewer items', Type.Array(text, { maxItems: 9 }), Type.Array(text, { maxItems: 5 }), 'old', 'new'],
  ['more items needed', Type.Array(text), Type.Array(text, { minItems: 1 }), 'old', 'new'],
  ['items that occur more often', Type.Array(text, { contains: text, minContains: 1 }),
    Type.Array(text, { contains: text, minContains: 2 }), 'both', 'both'],
  ['different items', Type.Array(text), Type.Array(text, { uniqueItems: true }), 'old', 'new'],
  ['items of another type', Type.Array(text), Type.Array(Type.Null()), 'both', 'both'],
  ['a tuple in place of a list', Type.Array(text), Type.Tuple([text]), 'old', 'new'],
  ['a longer tuple', Type.Tuple([text]), Type.Tuple([text, text]), 'both', 'both'],
  ['a value more', literals('a', 'b'), literals('a', 'b', 'c'), 'new', 'old'],
  ['a value less', literals('a', 'b', 'c'), literals('a', 'b'), 'old', 'new'],
  ['any text in place of values', literals('a', 'b'), Type.String({ minLength: 1 }), 'new', 'old'],
  ['a value beyond a bound', Type.Literal('abc'), Type.String({ maxLength: 2 }), 'both', 'both'],
  ['a value within a pattern', Type.Literal('abc'), Type.String({ pattern: '^a' }), 'new', 'old'],
  ['a value beyond a pattern', Type.Literal('abc'), Type.String({ pattern: '^b' }), 'both', 'both'],
  ['a number within bounds', Type.Literal(3), Type.Integer({ minimum: 1 }), 'new', 'old'],
  ['null as well', text, Type.Union([text, Type.Null()]), 'new', 'old'],
  ['a union with another member', Type.Union([object({ k: Type.Literal('a') }), object({ k: Type.Literal('b') })]),
    object({ k: Type.Literal('a') }), 'old', 'new'],
  ['an intersection', Type.Intersect([object({ a: text }), object({ b: text })]), object({ a: text, b: text }),
    'no change', 'no change'],
  ['an intersection of texts', text, Type.Intersect([Type.String({ minLength: 1 }), Type.String({ maxLength: 2 })]),
    'old', 'new'],
  ['a refusal', Type.Not(text), Type.Not(Type.Number()), 'both', 'both'],
  ['a recursive type', tree(text), tree(Type.Number()), 'both', 'both'],
  ['an equal recursive type', tree(text), tree(text), 'no change', 'no change']
]

function named ($id: string): TSchema {
  return Type.Recursive((This) => object({ value: text, children: Type.Array(This) }), { $id })
}

function tree (value: TSchema): TSchema {
  return Type.Recursive((This) => object({ value, children: Type.Array(This) }))
}

/** Changes of a contract, with their verdict. */
const contracts: ReadonlyArray<readonly [what: string, old: Parts, now: Parts, verdict: Verdict]> = [
  ['nothing', input(text), input(text), 'no change'],
  ['a message from clients is added', {}, input(text), 'new'],
  ['a message from clients is removed', input(text), {}, 'old'],
  ['a message from the server is added', {}, output(text), 'new'],
  ['a message from the server is removed', output(text), {}, 'old'],
  ['clients have to send a payload', input(), input(text), 'both'],
  ['the server sends a payload', output(), output(object({ a: text })), 'new'],
  ['a reply is added', reply(), reply(object({ id: text })), 'new'],
  ['a reply is removed', reply(object({ id: text })), reply(), 'old'],
  ['a reply has another type', reply(text), reply(Type.Number()), 'both'],
  ['an error is added', errors({}), errors({ muted: text }), 'old'],
  ['an error is removed', errors({ muted: text }), errors({}), 'new'],
  ['the data of an error changes', errors({ muted: text }), errors({ muted: Type.Number() }), 'both'],
  ['a message becomes idempotent', client({}), client({ idempotent: true }), 'new'],
  ['a message is no longer idempotent', client({ idempotent: true }), client({}), 'old'],
  ['a rate is added', client({}), rate(5, 1_000), 'old'],
  ['a rate is removed', rate(5, 1_000), client({}), 'new'],
  ['a rate is lower', rate(5, 1_000), rate(4, 1_000), 'old'],
  ['a rate is lower over time', rate(5, 1_000), rate(5, 2_000), 'old'],
  ['a rate is higher', rate(5, 1_000), rate(6, 1_000), 'new'],
  ['a message becomes ephemeral', persistent({}), persistent({ ephemeral: true }), 'old'],
  ['a message becomes persistent', persistent({ ephemeral: true }), persistent({}), 'new'],
  ['slow clients miss messages', output(), { fromServer: { said: { whenSlow: 'drop' } } }, 'old'],
  ['slow clients miss none any more', { fromServer: { said: { whenSlow: 'drop' } } }, output(), 'new'],
  ['slow clients get the latest by another member', { fromServer: { said: { whenSlow: { latest: '/a' } } } },
    { fromServer: { said: { whenSlow: { latest: '/b' } } } }, 'both'],
  ['slow clients start again', persistent({}), persistent({ whenSlow: 'skip' }), 'nobody'],
  ['a param has another name', { pattern: 'a/:x', params: object({ x: text }) as TObject },
    { pattern: 'a/:y', params: object({ y: text }) as TObject }, 'nobody'],
  ['a param is tighter', { pattern: 'a/:x', params: object({ x: text }) as TObject },
    { pattern: 'a/:x', params: Type.Object({ x: Type.String({ maxLength: 5 }) }) }, 'old'],
  ['params are a component', { pattern: 'a/:x', params: object({ x: text }) as TObject },
    { pattern: 'a/:x', params: Type.Object({ x: text }, { $id: 'Place' }) }, 'no change'],
  ['the pattern is another one', { pattern: 'a' }, { pattern: 'b' }, 'both'],
  ['presence is added', {}, members('all'), 'new'],
  ['presence is removed', members('all'), {}, 'old'],
  ['presence is no longer told', members('all'), members('none'), 'old'],
  ['presence is a number', members('all'), members('count'), 'both'],
  ['the data of presence changes', members('all'), members('all', object({ n: Type.Number() })), 'both'],
  ['unseen data of presence changes', members('count'), members('count', object({})), 'no change'],
  ['a history is added', {}, { history: kept }, 'new'],
  ['a history is removed', { history: kept }, {}, 'old'],
  ['a history keeps less', { history: kept }, { history: { limit: 5, ttl: 500, initial: 2 } }, 'nobody'],
  ['a history is durable', { history: kept }, { history: { ...kept, durable: 'replica' } }, 'nobody'],
  ['a snapshot is added', { history: kept }, { history: { ...kept, snapshot: text } }, 'old'],
  ['a snapshot is removed', { history: { ...kept, snapshot: text } }, { history: kept }, 'both'],
  ['a snapshot changes', { history: { ...kept, snapshot: text } },
    { history: { ...kept, snapshot: Type.Number() } }, 'both'],
  ['a namespace is added', {}, { namespace: 'v2' }, 'both'],
  ['channels are shared', {}, { shared: true }, 'nobody']
]

const query = (properties: object, required: string[] = []) => ({ query: { type: 'object', properties, required } })
const string = { type: 'string' }

/** Changes of a route, with their verdict. */
const routes: ReadonlyArray<readonly [
  what: string, old: Partial<DocumentedRoute>, now: Partial<DocumentedRoute>, verdict: Verdict
]> = [
  ['nothing', {}, {}, 'no change'],
  ['another address', {}, { url: '/other' }, 'both'],
  ['a token is needed', {}, { carriers: ['header'] }, 'old'],
  ['no token is needed', { carriers: ['header'] }, {}, 'new'],
  ['another place of the token', { carriers: ['header'] }, { carriers: ['header', { cookie: 'auth' }] }, 'new'],
  ['a place of the token less', { carriers: ['header', 'subprotocol'] }, { carriers: ['header'] }, 'old'],
  ['the query needs a member', query({}), query({ device: string }, ['device']), 'old'],
  ['a header needs a value', {}, { headers: { properties: { 'x-a': string }, required: ['x-a'] } }, 'old'],
  ['a limit', {}, { limits: { channels: 7 } }, 'no change']
]

/** The documents before and after each change of a schema. */
const schemaDocuments = schemas.map(([what, old, now, sent, received]) => {
  const [before, after] = [object({ v: old }), object({ v: now })]
  const sentDocuments = [documentOf(input(before)), documentOf(input(after))] as const
  const receivedDocuments = [documentOf(output(before)), documentOf(output(after))] as const
  return { what, sent, received, sentDocuments, receivedDocuments }
})

function verdictOf (...[old, now]: Parameters<typeof compareDocuments>): Verdict {
  const changes = compareDocuments(old, now)
  const [oldClients, newClients] = (['oldClients', 'newClients'] as const).map((whom) =>
    changes.some(({ breaks }) => breaks[whom]))
  if (oldClients) return newClients ? 'both' : 'old'
  return newClients ? 'new' : changes.length > 0 ? 'nobody' : 'no change'
}

t.test('diff: what a change of a schema breaks, where clients send it and where they receive it', async (t) => {
  t.ok(schemas.length + contracts.length + routes.length >= 60, 'there are at least 60 changes')
  for (const { what, sent, received, sentDocuments, receivedDocuments } of schemaDocuments) {
    t.equal(verdictOf(...sentDocuments), sent, `clients send ${what}`)
    t.equal(verdictOf(...receivedDocuments), received === 'nobody' ? 'no change' : received, `clients receive ${what}`)
  }
})

/** What the second opinion does not know: it ignores these, and does not take a list of schemas as items. */
const unsupported = /"(const|pattern|x-regexp|multipleOf|uniqueItems|contains|patternProperties|unevaluated\w+)"|"items":\[/

t.test('diff: json-schema-diff, a second opinion, agrees about what clients send', async (t) => {
  const schemaOf = (schema: TSchema): object => {
    const components = new ComponentSchemas([schema])
    const form = components.schemaOf(schema, 'v')
    return { type: 'object', properties: { v: form }, required: ['v'], components: { schemas: components.all } }
  }
  const comparable = schemas
    .map(([what, old, now, sent]) => ({ what, sourceSchema: schemaOf(old), destinationSchema: schemaOf(now), sent }))
    .filter(({ what, ...both }) => !unsupported.test(JSON.stringify(both)) && !what.includes('recursive'))
  t.ok(comparable.length > 30, `${comparable.length} changes can be compared`)
  const chosen = comparable.toSorted(() => Math.random() - 0.5).slice(0, cases(comparable.length, 8))
  for (const { what, sent, ...both } of chosen) {
    const { removalsFound, additionsFound } = await jsonSchemaDiff.diffSchemas(both)
    const opinion = removalsFound ? additionsFound ? 'both' : 'old' : additionsFound ? 'new' : 'no change'
    t.equal(opinion, sent, what)
  }
})

t.test('diff: what a change of a contract breaks', async (t) => {
  for (const [what, old, now, verdict] of contracts) t.equal(verdictOf(documentOf(old), documentOf(now)), verdict, what)
})

t.test('diff: what a change of a route breaks', async (t) => {
  for (const [what, old, now, verdict] of routes) {
    t.equal(verdictOf(documentOf({}, old), documentOf({}, now)), verdict, what)
  }
})

/** Changes of what the server sends that no client notices. They travel, so the fingerprint is another one. */
const unnoticed = new Set([
  'an optional member more', 'an optional member less', 'an open object', 'a closed object',
  'an object in place of a record'
])

t.test('fingerprint: it changes with every change that breaks somebody, and with no other one', async (t) => {
  const fingerprintOf = ({ channels }: AsyncApiDocument) => channels.ws?.['x-fingerprint']
  const isSame = (...documents: readonly [AsyncApiDocument, AsyncApiDocument]) => {
    const [before, after] = documents.map(fingerprintOf)
    t.match(before, /^[0-9a-v]{16}$/)
    return before === after
  }
  const expected = (verdict: Verdict) => verdict === 'no change' || verdict === 'nobody'
  for (const { what, sent, received, sentDocuments, receivedDocuments } of schemaDocuments) {
    t.equal(isSame(...sentDocuments), expected(sent), `clients send ${what}`)
    const isUnseen = expected(received) && !unnoticed.has(what)
    t.equal(isSame(...receivedDocuments), isUnseen, `clients receive ${what}`)
  }
  for (const [what, old, now, verdict] of contracts) {
    t.equal(isSame(documentOf(old), documentOf(now)), expected(verdict), what)
  }
})

t.test('fingerprint: what means nothing does not change it', async (t) => {
  const user = Type.Object({ id: text, name: text }, { $id: 'User', description: 'a user' })
  const plain = Type.Object({ name: Type.String({ title: 'Name', examples: ['x'], default: 'y' }), id: text })
  const nested = Type.Union([Type.Union([Type.Literal('b'), Type.Literal('a')]), Type.Null()])
  const flat = Type.Union([Type.Null(), Type.Literal('a'), Type.Literal('b'), Type.Literal('a')])
  const pairs: ReadonlyArray<readonly [what: string, TSchema, TSchema]> = [
    ['a component, and the order of members', user, plain],
    ['the order of a union', nested, flat],
    ['a union of one', Type.Union([text, Type.String({ title: 'x' })]), text],
    ['a union of anything', Type.Union([Type.Any(), Type.Unknown()]), Type.Any()],
    ['an enumeration', Type.Union([Type.Literal(1), Type.Literal(2)]), Type.Enum({ b: 2, a: 1 })],
    ['the name of a recursive type', Type.Object({ t: tree(text) }), Type.Object({ t: named('Tree') })],
    ['a keyword that no validator reads', text, Type.String({ errorMessage: 'no' })],
    ['an open object', object({}, { additionalProperties: true }), object({}, { additionalProperties: Type.Any() })]
  ]
  for (const [what, one, other] of pairs) {
    t.equal(contractFingerprint([channel(input(one))]), contractFingerprint([channel(input(other))]), what)
  }
  const [a, b] = [channel({ pattern: 'a', ...input(text) }), channel({ pattern: 'b', ...output(text) })]
  t.equal(contractFingerprint([a, b]), contractFingerprint([b, a]), 'the order of contracts')
  t.not(contractFingerprint([a, b]), contractFingerprint([a]), 'another set')
  const messages = [['x', { payload: text }], ['y', {}]] as const
  const [one, other] = [messages, messages.toReversed()].map((order) =>
    channel({ fromClient: Object.fromEntries(order) }))
  t.equal(contractFingerprint([one as AnyChannel]), contractFingerprint([other as AnyChannel]), 'the order of messages')
  t.equal(contractFingerprint([one as AnyChannel]), '7j7htf5c0caj0g90', 'it is the same in every process')
  const { Type: Other } = createRequire(import.meta.url)('@sinclair/typebox') as { readonly Type: typeof Type }
  const build = ({ Object, String, Recursive, Array }: typeof Type) =>
    contractFingerprint([channel(input(Recursive((This) => Object({ a: String(), b: Array(This) }))))])
  t.equal(build(Other), build(Type), 'the build of TypeBox')
})

t.test('diff: schemas of routes may have enumerations and lists of types', async (t) => {
  const query = (schema: object): Partial<DocumentedRoute> => ({ query: { type: 'object', properties: { a: schema } } })
  const cases: ReadonlyArray<readonly [old: object, now: object, verdict: Verdict]> = [
    [{ enum: ['a'] }, { enum: ['a', 'b'] }, 'new'], [{ enum: ['a', 1, null] }, { enum: ['a', 1] }, 'old'],
    [{ type: ['string', 'null'] }, { type: 'string' }, 'old'], [{ type: 'string' }, { enum: ['a'] }, 'old'],
    [{ type: 'object', properties: { x: false } }, { type: 'object', properties: { x: { type: 'null' } } }, 'new'],
    [{ allOf: [{ type: 'string', maxLength: 5 }] }, { type: 'string' }, 'new'],
    [{ type: 'object', patternProperties: { '^x': { type: 'null' } } },
      { type: 'object', properties: { x: { type: 'null' } } }, 'no change'],
    [{ type: 'object', properties: { x1: { type: 'null' } } },
      { type: 'object', patternProperties: { '^x': { type: 'string' } } }, 'both']
  ]
  for (const [old, now, verdict] of cases) {
    const name = `${JSON.stringify(old)} becomes ${JSON.stringify(now)}`
    t.equal(verdictOf(documentOf({}, query(old)), documentOf({}, query(now))), verdict, name)
  }
})

t.test('diff: documents of others are compared by their addresses', async (t) => {
  const channels = { a: { address: 'a', messages: {} } }
  const foreign = { asyncapi: '3.0.0', info: {}, channels, operations: {}, components: {} } as never
  t.equal(verdictOf(foreign, foreign), 'no change')
})

t.test('diff: a change names its place and what is accepted', async (t) => {
  const [old, now] = [9, 5].map((maxLength) => documentOf(input(object({ v: Type.Array(Type.String({ maxLength })) }))))
  t.strictSame(compareDocuments(old as never, now as never), [{
    direction: 'fromClient',
    where: "route '/ws', channel 'a', fromClient 'say', payload/v/*",
    what: 'a length of at most 5 is accepted, not 9',
    breaks: { oldClients: true, newClients: false }
  }])
})

t.test('diff: where a schema is said to accept another one, it accepts its values', async (t) => {
  FormatRegistry.Set('uuid', () => true)
  const kinds = Object.entries(schemasOfEveryKind)
  const components = new ComponentSchemas(kinds.map(([, schema]) => schema))
  const sides = kinds.map(([name, schema]) => {
    const values = [1, 2, 3].map((seed) => exampleOf(schema, name, { random: seededRandom(seed) }))
    const form = components.schemaOf(schema, name)
    return { name, form, values, isAccepted: compileValidator(schema, name) }
  })
  const root = { components: { schemas: components.all } }
  const pairs = sides.flatMap((sent) => sides.map((accepted) => ({ sent, accepted })))
  const isSaid = ({ sent, accepted }: typeof pairs[number]) =>
    refusalsOf({ schema: sent.form, root }, { schema: accepted.form, root }, false).length === 0
  const said = pairs.filter(isSaid)
  t.ok(said.length > kinds.length && said.length < pairs.length / 2, 'some schemas accept others')
  const wrong = said.filter(({ sent, accepted }) => sent.values.some((value) => accepted.isAccepted(value)))
  t.strictSame(wrong.map(({ sent, accepted }) => `${sent.name} -> ${accepted.name}`), [])
  t.strictSame(sides.filter((side) => !isSaid({ sent: side, accepted: side })).map(({ name }) => name), [], 'itself')
})
