import { Type, type TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import t from 'tap'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { slowPatterns } from '../../../lib/contract/schema/backtracking.ts'
import { compileOutgoing, compileValidator } from '../../../lib/contract/schema/validators.ts'
import { implement } from '../../../lib/server/implement.ts'
import { makeApp } from '../../support/serve.ts'

const { Literal, Integer, Null, Object: O, Optional, Record: R, Recursive, Ref, Tuple, Union } = Type
const text = Type.String()
// Without the type of its values, which would take the compiler too long.
const moduleOf = (types: object): TSchema => Type.Module(types as never).Import('E' as never)
const list = Type.Array

/** The message of the error that refuses a schema; undefined for one that is accepted. */
function refusalOf (schema: TSchema): string | undefined {
  try {
    compileValidator(schema, 's')
    compileOutgoing(schema, 's')
  } catch (error) {
    return (error as Error).message
  }
}

const nested = (wrap: (value: unknown) => unknown, depth: number) => {
  let value: unknown = false
  for (let i = 0; i < depth; i++) value = wrap(value)
  return value
}

t.test('schema: a recursive union without a discriminator is refused', async (t) => {
  const table: Record<string, TSchema> = {
    'members that share a property': Recursive((X) => Union([O({ a: X }), O({ a: X, b: text })])),
    'other properties that differ': Recursive((X) =>
      Union([text, O({ a: X, x: Integer() }), O({ a: X, y: Integer() })])),
    'an optional discriminator': Recursive((X) =>
      Union([O({ k: Optional(Literal(1)), a: X }), O({ k: Literal(2), a: X })])),
    'a discriminator with a common value': Recursive((X) =>
      Union([O({ k: Union([Literal(1), Literal(2)]), a: X }), O({ k: Literal(2), a: X })])),
    'a discriminator that also takes text': Recursive((X) =>
      Union([O({ k: Union([Literal(1), text]), a: X }), O({ k: Literal(2), a: X })])),
    'a numeric name, which is checked first': Recursive((X) =>
      Union([O({ 0: X, k: Literal(1) }), O({ 0: X, k: Literal(2) })])),
    'two arrays': Recursive((X) => Union([text, list(X), list(O({ a: X }))])),
    'an array and a tuple': Recursive((X) => Union([text, list(X), Tuple([X, X])])),
    'a record and an object': Recursive((X) => Union([text, R(text, X), O({ a: X })])),
    'additional properties': Recursive((X) => Union([O({}, { additionalProperties: X }), O({ b: X })])),
    'a union within a union': Recursive((X) => Union([O({ a: X }), Union([text, O({ a: X, b: text })])])),
    'deep inside': Recursive((X) => O({ kids: list(Union([O({ n: X }), O({ n: X, m: text })])) })),
    itself: Recursive((X) => Union([X, O({ a: X }), O({ a: X })])),
    'a module': moduleOf({
      E: Union([O({ l: Ref('F') }), O({ l: Ref('G'), r: text })]), F: O({ e: Ref('E') }), G: O({ e: Ref('E') })
    }),
    'an intersection': Recursive((X) =>
      Type.Intersect([O({ a: Optional(list(X)) }), Union([O({ k: text }), O({ k: Integer() })])]))
  }
  for (const [name, schema] of Object.entries(table)) {
    const issue = /^a recursive union without a discriminator in s.*: give each member a required property/
    t.match(refusalOf(schema), issue, name)
  }
})

t.test('schema: a recursive part that is checked twice is refused', async (t) => {
  const table: Record<string, TSchema> = {
    'by an intersection': Recursive((X) =>
      Type.Intersect([O({ a: Optional(list(X)) }), O({ a: Optional(list(X)), b: text })])),
    'by contains': Recursive((X) => O({ a: list(X, { contains: X }) }))
  }
  for (const [name, schema] of Object.entries(table)) {
    t.match(refusalOf(schema), /^a recursive part that is checked twice in s/, name)
  }
})

t.test('schema: a recursive type whose members are told apart is checked in linear time', async (t) => {
  type Row = readonly [schema: TSchema, wrap: (value: unknown) => unknown]
  const table: Record<string, Row> = {
    'a literal, declared last': [
      Recursive((X) => Union([text, O({ a: X, k: Literal('a') }), O({ a: X, k: Literal('b') })])),
      (a) => ({ a, k: 'b' })
    ],
    'several literals, declared last': [
      Recursive((X) => Union([text, O({ a: X, k: Union([Literal(1), Literal(2)]) }), O({ a: X, k: Literal(3) })])),
      (a) => ({ a, k: 3 })
    ],
    'another property in each': [
      Recursive((X) => Union([O({ and: list(X) }), O({ or: list(X) }), O({ not: X })])), (a) => ({ or: [a] })
    ],
    'an object and an array': [Recursive((X) => Union([text, list(X), O({ a: X })])), (a) => [{ a }]],
    'any JSON': [Recursive((X) => Union([text, Null(), list(X), R(text, X)])), (a) => ({ a })],
    'an intersection whose discriminator is in its last part': [
      Recursive((X) =>
        Type.Intersect([O({ a: list(X) }), Union([O({ k: Literal(1) }), O({ k: Literal(2) })])])),
      (a) => ({ a: [a], k: 2 })
    ],
    'a list and its end': [Recursive((X) => O({ next: Union([Null(), X]) })), (next) => ({ next })],
    'a module': [
      moduleOf({
        E: Union([O({ k: Literal(1), l: Ref('E') }), O({ k: Literal(2), l: Ref('E') })])
      }),
      (l) => ({ k: 2, l })
    ]
  }
  // 2^32 steps would take minutes.
  for (const [name, [schema, wrap]] of Object.entries(table)) {
    t.ok(compileValidator(schema, 's')(nested(wrap, 32)), name)
  }
  t.equal(refusalOf(Union([O({ a: O({ b: text }) }), O({ a: O({ b: Integer() }) })])), undefined, 'no recursion')
})

t.test('schema: an intersection of too many alternatives is refused before it is expanded', async (t) => {
  const unions = Array.from({ length: 20 }, (_, i) => Union([O({ [`a${i}`]: text }), O({ [`b${i}`]: text })]))
  t.match(refusalOf(Type.Intersect(unions)), /^an intersection of more than 256 alternatives in s: use fewer unions/)
  t.equal(refusalOf(Type.Intersect(unions.slice(0, 8))), undefined)
})

t.test('schema: two schemas that differ and have one $id are refused, because TypeBox mis-reads one', async (t) => {
  const point = O({ n: Integer() }, { $id: 'Point' })
  const other = O({ n: Integer({ maximum: 5 }) }, { $id: 'Point' })
  const tree = (leaf: TSchema) => Recursive((X) => O({ leaf, next: Optional(X) }), { $id: 'Tree' })
  const issue = (path: string, id: string) =>
    `another schema with the $id '${id}' in s/${path}: give each an $id of its own, or none`
  t.equal(refusalOf(O({ a: point, b: other })), issue('b', 'Point'))
  t.equal(refusalOf(O({ a: point, b: list(Union([Null(), other])) })), issue('b/*/1', 'Point'))
  t.equal(refusalOf(O({ a: point, b: O({ c: Type.Not(point) }) })), issue('b/c/not', 'Point'), 'it stays open there')
  t.equal(refusalOf(O({ a: tree(text), b: tree(Integer()) })), issue('b', 'Tree'))
  const modules = O({ a: moduleOf({ E: O({ n: text }) }), b: moduleOf({ E: O({ n: Integer() }) }) })
  t.equal(refusalOf(modules), issue('b/E', 'E'))
  const annotated = O({ n: Integer() }, { $id: 'Point', description: 'the end' })
  t.equal(refusalOf(O({ a: point, b: Optional(point), c: annotated, d: list(point) })), undefined, 'one schema')
  t.equal(refusalOf(O({ a: tree(text), b: tree(text), c: moduleOf({ E: text }), d: moduleOf({ E: text }) })), undefined)
})

t.test('schema: items that are not unique are found, in any place of a schema', async (t) => {
  const unique = list(Type.Unknown(), { uniqueItems: true })
  const issueOf = compileValidator(unique, 's')
  for (const items of [[], [1, '1', '"1'], [null, 'null', false], [{ a: 1 }, { a: 2 }], [[1, 2], [2, 1]]]) {
    t.equal(issueOf(items), undefined, JSON.stringify(items))
  }
  const message = 'Expected array elements to be unique'
  for (const items of [[1, 1], ['é', 'é'], [{ a: 1, b: [2] }, { b: [2], a: 1 }], [[1], [1]], [null, null]]) {
    t.strictSame(issueOf(items), { path: '', message }, JSON.stringify(items))
  }
  t.match(issueOf('ab'), { path: '', message: 'Expected array' })
  const rows = Union([Null(), O({ ids: list(Integer(), { uniqueItems: true }), of: Optional(unique) })])
  const send = compileOutgoing(rows, 's')
  t.strictSame(send({ ids: [1, 2], secret: 3 }), { ids: [1, 2] })
  t.throws(() => send({ ids: [1, 1] }))
  const tree = compileValidator(Recursive((X) => list(X, { uniqueItems: true })), 's')
  t.strictSame([tree([[], [[]]]), tree([[], [[], []]])?.message], [undefined, message])
})

t.test('schema: 10,000 unique items are checked at least 4 times as fast as by TypeBox', async (t) => {
  const items = Array.from({ length: 10_000 }, (_, i) => `${i}`)
  const schema = list(text, { uniqueItems: true })
  const fastest = (check: (value: unknown) => unknown) => Math.min(...Array.from({ length: 10 }, () => {
    const start = performance.now()
    check(items)
    return performance.now() - start
  }))
  const typeBox = TypeCompiler.Compile(schema)
  const [own, others] = [fastest(compileValidator(schema, 's')), fastest((value) => typeBox.Check(value))]
  t.ok(own * 4 < others, `${own} ms and ${others} ms`)
})

t.test('schema: a property name that TypeBox mis-reads is refused', async (t) => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const issue = new RegExp(`^a property that every JavaScript object has in s/a/${name}: choose another name$`)
    t.match(refusalOf(O({ a: O({ [name]: Optional(text) }) })), issue, name)
  }
  for (const name of ['\n', 'a\tb', '\0', '\x7f']) {
    t.match(refusalOf(O({ [name]: text })), /^a property name with a control character in s\//, JSON.stringify(name))
  }
  t.equal(refusalOf(O({ '\ud800': text })),
    'a property name with half of a surrogate pair in s/\\ud800: use well-formed text')
  for (const name of ['a.b', '$', '\\', '*', 'a[0]', '(', 'a|b']) {
    const both = [O({ [name]: text }), O({ other: text })]
    const issue = /^a property name with a sign of regular expressions within an intersection in s\//
    t.match(refusalOf(Type.Intersect(both)), issue, name)
    const open = Type.Intersect(both, { unevaluatedProperties: true })
    t.equal(refusalOf(open), undefined, `${name}, open`)
    const closed = Type.Intersect([open, O({})], { unevaluatedProperties: false })
    t.match(refusalOf(closed), issue, `${name}, open in a closed one`)
  }
})

t.test('schema: other property names are checked and projected as they are', async (t) => {
  const names = [
    '', ' ', "'", '"', '`', '\\', 'a\\', '\\n', '\u2028', '\u2029', '$', "'];throw 1//", 'a/b', 'a~b', '0', '01', '-1',
    '1.5', 'a.b', 'a[0]', '*', '$ref', 'prototype', 'length', 'toJSON', 'then', 'null', 'class', '</script>', '\ufeff',
    '\u{1f600}', 'é'
  ]
  for (const name of names) {
    const schema = O({ [name]: text, k: Optional(Integer()) })
    const valid = compileValidator(schema, 's')
    const label = encodeURIComponent(name)
    const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    t.equal(valid({ [name]: 'a' }), undefined, label)
    t.match(valid({ [name]: 1 }), { path: pointer }, `${label} of another type`)
    t.match(valid({}), { path: pointer }, `${label} is missing`)
    t.ok(valid({ [name]: 'a', [`${name}x`]: 'a' }), `${label} and another`)
    t.strictSame(compileOutgoing(schema, 's')({ [name]: 'a', extra: 1 }), { [name]: 'a' }, `${label} is sent`)
  }
})

const slow = ['^(a+)+$', '^(a|aa)+$', '[a-z]+$', '^(\\d+)*$', '^\\s+|\\s+$']
const fast = [
  '^[a-z0-9-]{1,40}$', '^[a-z0-9]+(?:-[a-z0-9]+)*$', '^[a-z]+$', '^\\d{4}-\\d{2}-\\d{2}$', 'lobby', '^#[0-9a-fA-F]{6}$',
  '^[\\w.]+@\\w+\\.\\w+$', '^(a|b)*$', '^https?://'
]

t.test('pattern of a schema: those prone to backtracking are found, with their field', async (t) => {
  const found = (schema: TSchema) => slowPatterns({ fromClient: { say: { payload: schema } } }, 'channel')
  const path = "channel, fromClient 'say', payload"
  for (const pattern of slow) t.strictSame(found(Type.String({ pattern })), [{ pattern, path }], pattern)
  for (const pattern of fast) t.strictSame(found(Type.String({ pattern })), [], pattern)
  const pattern = '^(a+)+$'
  const deep = O({ a: list(Union([Null(), Type.String({ pattern })])) })
  t.strictSame(found(deep), [{ pattern, path: `${path}/a/*/1` }])
  t.strictSame(found(R(Type.String({ pattern }), text)), [{ pattern, path }], 'the names of a record')
  t.strictSame(found(Type.RegExp(/^(a+)+$/)), [{ pattern, path }], 'a regular expression')
  const errors = { fromClient: { say: { errors: { muted: Type.String({ pattern }) } } }, pattern: 'a', presence: text }
  t.strictSame(slowPatterns(errors, 'channel'), [{ pattern, path: "channel, fromClient 'say', errors 'muted'" }])
})

const served = (pattern: string) => implement(
  defineChannel({
    pattern: 'chat', fromClient: { say: { payload: O({ text: Type.String({ pattern }) }) } }, fromServer: {}
  }),
  { on: { say: () => {} } }
)

t.test('pattern of a schema: one prone to backtracking is logged once at registration', async (t) => {
  const { app, sink } = await makeApp(t)
  const contract = served('^(a+)+$')
  for (const url of ['/a', '/b']) app.ws(url, [contract])
  await app.ready()
  const lines = sink.lines.filter(({ pattern }) => pattern !== undefined)
  t.match(lines, [{
    level: 40,
    pattern: '^(a+)+$',
    path: "channel 'chat', fromClient 'say', payload/text",
    msg: /^the pattern \^\(a\+\)\+\$ is prone to backtracking: let no part of it match the same text in two ways/
  }])
  t.equal(lines.length, 1)
})

t.test('pattern of a schema: strictPatterns refuses those prone to backtracking, and no others', async (t) => {
  const { app } = await makeApp(t, { strictPatterns: true })
  const serve = (pattern: string) =>
    app.ws(`/${pattern.length}`, [served(pattern)])
  t.throws(() => serve('^(a|aa)+$'), {
    code: 'FST_CHANNELS_CONTRACT',
    message: "the pattern ^(a|aa)+$ is prone to backtracking in channel 'chat', fromClient 'say', payload/text: " +
      'let no part of it match the same text in two ways, or check the text in the handler'
  })
  serve('^[a-z0-9]+(?:-[a-z0-9]+)*$')
})
