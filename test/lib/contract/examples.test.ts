import { FormatRegistry, Kind, Type, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import { patternText } from '../../../lib/contract/examples/pattern-text.ts'
import { seededRandom } from '../../../lib/contract/examples/random.ts'
import { closeSchema } from '../../../lib/contract/schema/close-schema.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import { metrics } from '../../../routes/dashboard/dashboard.contract.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

const last = 1 - 2 ** -53

const otherFormats = ['date', 'hostname', 'ipv4', 'ipv6', 'time', 'uri', 'url']

const formats = ['uuid', 'email', 'date-time', 'unheard-of', ...otherFormats]

for (const format of formats) FormatRegistry.Set(format, () => true)

t.test('examples: a value of every kind of schema is valid, also where objects are closed', async (t) => {
  for (const [name, schema] of Object.entries(schemasOfEveryKind)) {
    const closed = closeSchema(schema, name)
    const sources = [() => 0, () => last, ...Array.from({ length: 8 }, (_, seed) => seededRandom(seed))]
    const values = sources.flatMap((random) =>
      [false, true].map((isFull) => exampleOf(schema, name, { random, isFull })))
    const invalid = values.filter((value) => !Value.Check(closed, value))
    t.strictSame(invalid, [], name)
    t.strictSame(JSON.parse(JSON.stringify(values)), values, `${name}: as JSON`)
  }
})

t.test('examples: the same seed gives the same value, and another seed another one', async (t) => {
  const { payload } = editor.definition.fromClient.edit
  const values = [1, 1, 2].map((seed) => exampleOf(payload, 'edit', { random: seededRandom(seed) }))
  t.strictSame(values[0], values[1])
  t.notSame(values[0], values[2])
  t.strictSame(exampleOf(payload, 'edit'), values[0], 'the seed is 1 unless another one is given')
})

t.test('examples: the bounds of a schema are reached', async (t) => {
  const bounds = (schema: TSchema) => [() => 0, () => last].map((random) =>
    exampleOf(schema, 'x', { random, isFull: true }))
  t.strictSame(bounds(Type.Integer({ minimum: 3, maximum: 7 })), [3, 7])
  t.strictSame(bounds(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 })), [0.01, 0.99])
  t.strictSame(bounds(Type.Integer({ multipleOf: 5, minimum: 1, maximum: 14 })), [5, 10])
  t.strictSame(bounds(Type.Integer({ maximum: -200 })), [-300, -200])
  t.strictSame(bounds(Type.String({ minLength: 2, maxLength: 99 })).map((text) => String(text).length), [2, 99])
  t.strictSame(bounds(Type.String()).map((text) => String(text).length), [0, 40], 'without a bound')
  t.strictSame(bounds(Type.Array(Type.Null(), { minItems: 1, maxItems: 50 })).map((a) => (a as []).length), [1, 50])
  t.strictSame(bounds(Type.String({ pattern: '^a{2,40}$' })).map((text) => String(text).length), [2, 40])
  t.strictSame(bounds(Type.Object({ a: Type.Optional(Type.Null()) })), [{}, { a: null }])
  const board = exampleOf(metrics.definition.history.snapshot, 'x', { random: () => last, isFull: true })
  t.ok(JSON.stringify(board).length < 10_000, 'lists in lists stay short')
})

t.test('examples: texts are readable, by their format and by the name of their property', async (t) => {
  const schema = Type.Object({
    userId: Type.String(),
    name: Type.String({ minLength: 1, maxLength: 40 }),
    text: Type.String(),
    link: Type.String(),
    colour: Type.String(),
    email: Type.String(),
    at: Type.Integer(),
    made: Type.String({ format: 'date-time' }),
    word: Type.String({ format: 'unheard-of' }),
    key: Type.String({ format: 'uuid' }),
    rest: Type.Tuple(otherFormats.map((format) => Type.String({ format })))
  })
  t.match(exampleOf(schema, 'x', { random: seededRandom(3) }), {
    userId: /^[0-9a-f]{8}$/,
    name: /^[A-Z][a-z]+$/,
    text: /^[a-z]+ [a-z]+ [a-z]+$/,
    link: /^https:\/\/example\.com\//,
    colour: /^#/,
    email: /^[a-z]+@example\.com$/,
    at: 1_795_000_000_088,
    made: /^2026-0\d-1\dT1\d:3\d:00Z$/,
    word: /^[a-z]+$/,
    key: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    rest: otherFormats.map(() => /^(2026-0\d-1\d|1\d:3\d:00Z|https:.+|[a-z]+\.example\.com|192\..+|2001:.+)$/)
  })
})

t.test('examples: a text of a pattern matches it', async (t) => {
  const patterns = [
    '^[a-z0-9-]{1,40}$', '^.+\\.[a-zA-Z0-9-]{1,36}$', '^(a|b|cd)*$', '^(?:x|y)?z+$', '^(?<year>\\d{4})-\\d\\d$', 'abc',
    '\\bword\\b', '^[^a-z]{3,}$', '^[а-я]+$', '^\\u0041\\x42$', '^[\\]\\\\]{2}$',
    '^a{3}b{0}c*?$', '^-- $', '^[^\\w\\s]+$',
    '^(?=a)a$', ''
  ]
  for (const pattern of patterns) {
    for (const random of [() => 0, () => last, seededRandom(1), seededRandom(2)]) {
      for (const isFull of [false, true]) t.match(patternText(pattern, random, isFull), new RegExp(pattern), pattern)
    }
  }
  t.match(patternText('^\\p{Lu}\\P{L}$', seededRandom(1), false, 'ug'), /^\p{Lu}\P{L}$/u, 'with flags')
})

t.test('examples: a schema without a value that is found names the annotation to add', async (t) => {
  const impossible: ReadonlyArray<readonly [what: string, schema: TSchema]> = [
    ['a lookahead', Type.String({ pattern: '^(?!a)a$' })],
    ['a pattern without a text', Type.String({ pattern: '^[^\\s\\S]$' })],
    ['never', Type.Never()],
    ['a contradiction', Type.Intersect([Type.Object({ a: Type.Literal(1) }), Type.Object({ a: Type.Literal(2) })])]
  ]
  for (const [what, schema] of impossible) {
    t.throws(() => exampleOf(schema, "channel 'x'"), {
      code: 'FST_CHANNELS_CONTRACT',
      message: "no example of this schema is found in channel 'x': add the annotation 'examples' to its parts"
    }, what)
  }
})

t.test('examples: the annotation counts, and its values are copied', async (t) => {
  const stored = { text: 'hello' }
  const schema = Type.Object({ text: Type.String() }, { examples: [stored] })
  t.strictSame(exampleOf(schema, 'x'), stored)
  t.not(exampleOf(schema, 'x'), stored)
  t.type(exampleOf(Type.String({ examples: [] }), 'x'), 'string', 'an empty list says nothing')
  t.equal(schema[Kind], 'Object')
})
