import { FormatRegistry, Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { ComponentSchemas } from '../../../lib/asyncapi/schema/component-schemas.ts'
import { isObject, type JsonSchema } from '../../../lib/asyncapi/schema/json-schema.ts'
import { UniqueNames } from '../../../lib/asyncapi/schema/unique-names.ts'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import { seededRandom } from '../../../lib/contract/examples/random.ts'
import { compileValidator } from '../../../lib/contract/schema/validators.ts'
import { documentChecks } from '../../support/asyncapi/document-checks.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

/** The schemas in the form of a document, with its components. */
function converted (...given: readonly TSchema[]) {
  const schemas = new ComponentSchemas(given)
  const results = given.map((schema, i) => schemas.schemaOf(schema, `schema ${i}`))
  return { results, components: schemas.all }
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const A = Type.Object({ a: Type.Number() })
const B = Type.Object({ b: Type.Optional(Type.String()) })
const numberA = () => Type.Object({ a: Type.Number() })
const open = { type: 'object', properties: {} }
const closed = { type: 'object', additionalProperties: false }
const a = { type: 'number' }
const b = { type: 'string' }
const none = { ...closed, properties: {} }

t.test('asyncapi: schemas are closed as the server checks them', async (t) => {
  const cases: ReadonlyArray<readonly [schema: TSchema, expected: JsonSchema]> = [
    [A, { ...closed, required: ['a'], properties: { a } }],
    [Type.Object({ a: Type.Number() }, { additionalProperties: true }),
      { type: 'object', additionalProperties: true, required: ['a'], properties: { a } }],
    [Type.Object({}, { additionalProperties: Type.Number() }),
      { type: 'object', properties: {}, additionalProperties: a }],
    [Type.Intersect([Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Optional(Type.String()) })]),
      { ...closed, required: ['a'], properties: { a, b } }],
    [Type.Intersect([Type.Intersect([numberA()]), Type.Record(Type.String({ pattern: '^x-' }), Type.Number())]),
      { ...closed, required: ['a'], properties: { a }, patternProperties: { '^x-': a } }],
    [Type.Intersect([Type.Object({ a: Type.Object({}) }), Type.Object({ a: Type.Object({}) })], { title: 'both' }),
      { title: 'both', ...closed, required: ['a'], properties: { a: { allOf: [none, none] } } }],
    [Type.Intersect([Type.Object({}), Type.Object({})], { unevaluatedProperties: Type.Number() }),
      { type: 'object', additionalProperties: a }],
    [Type.Intersect([Type.Object({ c: Type.Number() }), Type.Union([numberA(), Type.Object({ b: Type.String() })])]),
      {
        anyOf: [
          { ...closed, required: ['c', 'a'], properties: { c: a, a } },
          { ...closed, required: ['c', 'b'], properties: { c: a, b } }
        ]
      }],
    [Type.Intersect([Type.String({ minLength: 1 }), Type.String({ maxLength: 2 })]),
      { allOf: [{ type: 'string', minLength: 1 }, { type: 'string', maxLength: 2 }] }],
    [Type.Intersect([Type.Object({}, { minProperties: 1 }), Type.Object({})]),
      { allOf: [{ ...open, minProperties: 1 }, open], unevaluatedProperties: false }],
    [Type.Intersect([Type.Object({}, { additionalProperties: true }), Type.Object({})]),
      { allOf: [{ ...open, additionalProperties: true }, open] }],
    [Type.Intersect([Type.Object({}), Type.Object({})], { unevaluatedProperties: true }),
      { type: 'object', additionalProperties: true }],
    [Type.Intersect([Type.Object({}, { minProperties: 1 }), Type.Object({})], { unevaluatedProperties: Type.Number() }),
      { allOf: [{ ...open, minProperties: 1 }, open], unevaluatedProperties: a }],
    [Type.Array(Type.Number(), { contains: Type.Literal(1) }),
      { type: 'array', items: a, contains: { const: 1, type: 'number' } }],
    [Type.RegExp(/^x/), { type: 'string', pattern: '^x' }],
    [Type.RegExp(/^x/i), { type: 'string', 'x-regexp': { source: '^x', flags: 'i' } }],
    [Type.TemplateLiteral([Type.Literal('a'), Type.String()]), { type: 'string', pattern: '^a(.*)$' }]
  ]
  for (const [schema, expected] of cases) t.strictSame(converted(schema), { results: [expected], components: {} })
})

t.test('asyncapi: a schema that is used twice, also as an optional one, is one component', async (t) => {
  const { results, components } = converted(
    Type.Object({ first: A, second: Type.Optional(A), third: Type.Object({ a: Type.Number() }) }), Type.Array(A)
  )
  const properties = { first: ref('First'), second: ref('First'), third: { type: 'object' } }
  t.match(results, [{ properties }, { items: ref('First') }])
  t.strictSame(Object.keys(components), ['First'])
  const changed = { ...B, description: 'another' }
  t.match(converted(B, changed as never), { results: [{ type: 'object' }, { description: 'another' }], components: {} })
  const text = Type.String()
  t.strictSame(converted(text, text), { results: [b, b], components: {} }, 'but not a mere type')
})

t.test('asyncapi: names of components come from $id, title or the property, and are unique', async (t) => {
  const Titled = Type.Object({ x: Type.Integer() }, { title: 'A point' })
  const one = Type.Object({ n: Type.Integer() }, { $id: 'Same' })
  const copy = Type.Object({ n: Type.Integer() }, { $id: 'Same' })
  const other = Type.Object({ n: Type.String() }, { $id: 'Same' })
  const { results, components } = converted(Type.Array(Titled), Titled, one, copy, other)
  t.strictSame(results, [
    { type: 'array', items: ref('A-point') }, ref('A-point'), ref('Same'), ref('Same'), ref('Same-2')
  ])
  t.strictSame(Object.keys(components), ['A-point', 'Same', 'Same-2'])
  const names = new UniqueNames()
  t.strictSame(['a/b', 'a-b', 'a-b', '', '__proto__'].map((name) => names.take(name)),
    ['a-b', 'a-b-2', 'a-b-3', 'unnamed', '__proto__-2'])
})

t.test('asyncapi: recursive types and modules refer to components', async (t) => {
  const tree = Type.Recursive((This) => Type.Object({ children: Type.Array(This) }))
  const Module = Type.Module({
    A: Type.Object({ b: Type.Optional(Type.Ref('B')) }), B: Type.Object({ a: Type.Ref('A') })
  })
  const { results, components } = converted(Type.Object({ tree }), Module.Import('A'), Module.Import('B'))
  t.match(results, [{ properties: { tree: ref('Tree') } }, ref('A'), ref('B')])
  t.match(components, {
    Tree: { properties: { children: { items: ref('Tree') } } },
    A: { properties: { b: ref('B') } },
    B: { properties: { a: ref('A') } }
  })
  t.notOk(JSON.stringify(components).includes('$id'))
})

/** A value with each part of it missing, doubled, extended, or of another type. */
function mutants (value: unknown): unknown[] {
  if (Array.isArray(value)) {
    const changed = value.flatMap((item, i) => mutants(item).map((mutant) => value.with(i, mutant)))
    return [[...value, ...value], value.slice(1), ...changed]
  }
  if (!isObject(value)) return [null, {}, 'x'.repeat(70), -5.5, true, 'ab']
  const names = Object.keys(value)
  return [
    { ...value, undeclared: 1 },
    ...names.map((name) => Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))),
    ...names.flatMap((name) => mutants(value[name]).map((mutant) => ({ ...value, [name]: mutant })))
  ]
}

/** JSON Schema has no flags, and Ajv formats of its own. */
const unlike = ['a text with a format', 'a text of an expression']

t.test('asyncapi: a value matches the schema of the document exactly when the server accepts it', async (t) => {
  FormatRegistry.Set('uuid', () => true)
  const kinds = Object.entries(schemasOfEveryKind).filter(([name]) => !unlike.includes(name))
  const schemas = new ComponentSchemas(kinds.map(([, schema]) => schema))
  const channels = Object.fromEntries(kinds.map(([name, schema], i) =>
    [String(i), { messages: { m: { payload: schemas.schemaOf(schema, name) } } }]))
  const checks = await documentChecks({ channels, components: { schemas: schemas.all } } as never)
  for (const [i, [name, schema]] of kinds.entries()) {
    const isAccepted = compileValidator(schema, name)
    const values = [1, 2, 3].map((seed) => exampleOf(schema, name, { random: seededRandom(seed) }))
      .flatMap((value) => [value, ...mutants(value)])
    const wrong = values.filter((value) => checks.get(`${i} m`)?.(value) !== (isAccepted(value) === undefined))
    t.strictSame(wrong, [], name)
  }
})
