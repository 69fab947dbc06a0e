import { FormatRegistry, Type, TypeRegistry, Kind, type TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { firstIssue } from '../../../lib/api-page/issues/first-issue.ts'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import { seededRandom } from '../../../lib/contract/examples/random.ts'
import { compileValidator } from '../../../lib/contract/schema/validators.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'
import { metrics } from '../../../routes/dashboard/dashboard.contract.ts'
import type { PageSchema } from '../../../lib/api-page/contracts/page-schema.ts'
import { pageContracts, pageSchemas } from '../../support/api-page/contracts.ts'
import { full, fullRoute } from '../../support/asyncapi/full-contract.ts'
import { schemas as anySchema, valuesOf } from '../../support/fuzz/schema-arbitraries.ts'
import { cases } from '../../support/long-form.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

for (const format of ['uuid', 'date-time', 'date']) FormatRegistry.Set(format, () => true)

const values: readonly unknown[] = [
  null, true, 0, -1, 1.5, 7, 1e9, '', 'a', 'user-a1', 'aaaa-AA', [], [1], [1, 1], [null, null, null], ['x', { x: 2 }],
  [{ x: 1, y: 2 }, { y: 2, x: 1 }], {}, { a: 1 },
  { a: 'x', b: null, z: 1 }, { x: 0, y: 'y' }, { x: 5 }, { value: 'too long' }, { name: 'n', nodes: [{}] },
  { leaf: { value: 'v' }, children: [{}, {}, {}] }, { next: { next: 1 } }, [null, [1, 2]], { abc: 1, 'x/~y': 2 },
  { point: { x: 0 }, at: 1, gone: 1 }, [[[]]], { 'a/b~c': {} }
]

/** The value, and values that differ from it in one part. */
function variants (value: unknown): unknown[] {
  if (Array.isArray(value)) {
    const changed = value.flatMap((item, i) => variants(item).map((variant) => value.with(i, variant)))
    return [value, [...value, null], value.slice(1), ...changed]
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    return [value, { ...value, extra: 1 }, ...entries.flatMap(([key, member]) => [
      Object.fromEntries(entries.filter(([name]) => name !== key)),
      ...variants(member).map((variant) => ({ ...value, [key]: variant }))
    ])]
  }
  return [value, null, 'text', -1e9, 1e9, typeof value === 'string' ? value.repeat(99) : undefined]
}

/** For TypeBox's search, which ends with an error at `null` in a union of intersections. The page finds more. */
const hostileText = '\'\\\u2028\n`$' + '{1}</script>'
const vague = 'The value does not match its schema'

t.test('API page: an issue is the one that the server reports, for every kind of schema', async (t) => {
  const named = Type.String({ pattern: '^a' })
  const more: Readonly<Record<string, TSchema>> = {
    ...schemasOfEveryKind,
    sized: Type.Object({ a: Type.Optional(Type.Any()) }, { minProperties: 1, maxProperties: 1 }),
    typed: Type.Object({ a: Type.Null() }, { additionalProperties: Type.Integer() }),
    'a record of two kinds': Type.Record(named, Type.Null(), { additionalProperties: Type.Boolean() }),
    'an open record': Type.Record(named, Type.Null(), { additionalProperties: true }),
    'objects, each of them once': Type.Array(Type.Object({ x: Type.Any(), y: Type.Any() }), { uniqueItems: true }),
    'a contained': Type.Array(Type.Any(), {
      contains: Type.Null(), minContains: 2, maxContains: 2, examples: [[1, null, null]]
    }),
    'an open intersection': Type.Intersect([Type.Object({ a: Type.Any() }), Type.Object({})], {
      unevaluatedProperties: Type.Integer()
    }),
    'an intersection of anything': Type.Intersect([Type.Any(), Type.Any()]),
    'a contained once': Type.Array(Type.Any(), { contains: Type.Null(), examples: [[null]] }),
    'a bounded expression': Type.RegExp(/^a+$/, { maxLength: 3 })
  }
  const schemas = await pageSchemas(more)
  let compared = 0
  for (const [name, schema] of Object.entries(more)) {
    const checked = schemas.get(name)
    const validate = compileValidator(schema, name)
    const made = [1, 2, 3].map((seed) => exampleOf(schema, name, { random: seededRandom(seed) }))
    const wrong = [...values, ...made.flatMap(variants)].filter((value) => {
      const expected = validate(value)
      const found = checked && firstIssue(checked, value)
      compared++
      return expected?.message === vague ? !found : JSON.stringify(found) !== JSON.stringify(expected)
    })
    t.strictSame(wrong.map((value) => [value, checked && firstIssue(checked, value), validate(value)]), [], name)
    const doubtful = { schema: checked?.schema as PageSchema, check: () => false }
    t.strictSame(made.map((value) => firstIssue(doubtful, value)), made.map(() => ({ path: '', message: vague })))
  }
  t.ok(compared > 1_000, `${compared} values`)
})

t.test('API page: an issue is the one that the server reports, for random schemas', async (t) => {
  const isTaken = (schema: TSchema) => {
    try {
      return Boolean(compileValidator(schema, 'schema'))
    } catch {
      return false
    }
  }
  const pairs = fc.sample(anySchema.filter(isTaken).chain((schema) =>
    fc.tuple(fc.constant(schema), fc.array(fc.oneof(valuesOf(schema), fc.jsonValue()), { minLength: 5, maxLength: 5 }))
  ),
  { seed: 7, numRuns: cases(2_000, 60) })
  const named = Object.fromEntries(pairs.map(([schema], i) => [`s${i}`, schema]))
  const checked = await pageSchemas(named)
  const wrong = pairs.flatMap(([schema, candidates], i) => {
    const validate = compileValidator(schema, 'schema')
    const own = checked.get(`s${i}`)
    return candidates.flatMap((value) => JSON.parse(JSON.stringify([value]))).flatMap(variants)
      .filter((value) => JSON.stringify(own && firstIssue(own, value)) !== JSON.stringify(validate(value)))
      .map((value) => JSON.stringify([schema, value, own && firstIssue(own, value), validate(value)]))
  })
  t.strictSame(wrong.slice(0, 3), [])
})

t.test('API page: a text that is too long is found where it is, in the words of the server', async (t) => {
  const { routes, schemas } = await pageContracts([{ url: '/ws/chat', contracts: [chat] }])
  const payload = routes[0]?.channels[1]?.fromClient['message.send']?.payload as number
  t.strictSame(firstIssue(schemas[payload] as never, { text: 'x'.repeat(2001) }),
    { path: '/text', message: 'Expected string length less or equal to 2000' })
  t.strictSame(firstIssue(schemas[payload] as never, {}), { path: '/text', message: 'Expected required property' })
})

t.test('API page: the script has every message of the routes, also those of the protocol', async (t) => {
  const { routes, control, schemas } = await pageContracts([fullRoute, { url: '/ws/dashboard', contracts: [metrics] }])
  t.strictSame(routes.map(({ url, carriers }) => [url, carriers.length]), [['/:tenant/ws/*', 4], ['/ws/dashboard', 0]])
  const [connection, forum] = routes[0]?.channels ?? []
  t.strictSame(Object.keys(connection?.fromClient ?? {}), ['whoami', 'noted', 'ping', 'refresh'])
  t.strictSame(Object.keys(routes[1]?.channels[0]?.fromClient ?? {}), ['ping', 'refresh'])
  t.strictSame(Object.keys(forum?.fromClient ?? {}), [...Object.keys(full.definition.fromClient), 'history'])
  t.match(forum, { pattern: 'forum/:topic/thread-1/:id', names: ['topic', 'id'], hasHistory: true })
  t.match(forum?.fromClient['post.add'], { payload: Number, reply: Number, errors: { muted: Number, odd: Number } })
  t.strictSame(forum?.fromServer['ping.user'], null)
  const { example } = schemas[forum?.fromClient['post.add']?.payload as number] ?? {}
  t.match(example, { post: { text: 'hi' }, tags: ['x'] }, 'the example of the contract')
  t.notOk(schemas[control['welcome'] as number]?.check({ type: 'welcome' }))
  t.ok(schemas[control['welcome'] as number]?.check({
    type: 'welcome',
    payload: { connectionId: 'c', limits: { messageBytes: 1, channelLength: 1, depth: 1 }, patterns: [], more: 1 }
  }))
})

t.test('API page: what only the server can check counts as valid, and names mean nothing', async (t) => {
  TypeRegistry.Set('Even', (_, value) => Number(value) % 2 === 0)
  t.teardown(() => TypeRegistry.Delete('Even'))
  const even = { [Kind]: 'Even', example: 2 } as unknown as TSchema
  const checked = await pageSchemas({
    even, __proto__x: Type.Object({}), 'format!': Type.String({ format: 'uuid' })
  })
  t.equal(firstIssue(checked.get('even') as never, 3), undefined)
  t.equal(firstIssue(checked.get('format!') as never, 'text'), undefined)
  const hostile = await pageSchemas({ ['__proto__']: Type.Literal(hostileText) })
  t.match(firstIssue(hostile.get('__proto__') as never, 1), { path: '' })
  t.equal(firstIssue(hostile.get('__proto__') as never, hostileText), undefined)
})
