import { Type, type TSchema } from '@sinclair/typebox'
import { TypeSystemPolicy } from '@sinclair/typebox/system'
import {
  array, assert, boolean, constant, constantFrom, dictionary, double, integer, oneof, property, record, string,
  type Arbitrary
} from 'fast-check'
import t from 'tap'
import { closeSchema } from '../../../lib/contract/schema/close-schema.ts'
import { compileSerialiser } from '../../../lib/contract/schema/serialiser.ts'
import type { TypeBoxSchema } from '../../../lib/contract/schema/typebox-schema.ts'
import { compileReply } from '../../../lib/contract/schema/validators.ts'

const quote = Type.Object({
  symbol: Type.String(),
  bid: Type.Number(),
  size: Type.Integer({ minimum: 1 }),
  isOpen: Type.Optional(Type.Boolean()),
  'a "name"': Type.Optional(Type.String({ maxLength: 300 })),
  venue: Type.Optional(Type.Object({ name: Type.String({ pattern: '^[A-Z]' }), id: Type.Optional(Type.Integer()) }))
})

const others: readonly TSchema[] = [
  Type.Array(Type.Number()), Type.String(), Type.Object({ list: Type.Array(Type.String()) }),
  Type.Object({ id: Type.Integer() }, { additionalProperties: true }),
  Type.Object({ id: Type.Integer() }, { maxProperties: 1 }),
  Type.Object({ id: Type.Union([Type.Integer(), Type.Null()]) }),
  Type.Object({ inner: Type.Object({ id: Type.Literal('x') }) })
]

const text = oneof(
  string(), string({ unit: 'binary' }), constantFrom('"', '\\', '\u0000', '\u2028', '\ud800', 'é', 'A"b')
)
const anything: Arbitrary<unknown> = oneof(
  text, integer(), double(), boolean(), constantFrom(null, undefined, -0, 2 ** 53, 1e-7, 1e21), constant(new Array(2))
)
const usual = { symbol: text, bid: double({ noNaN: true, noDefaultInfinity: true }), size: integer({ min: 1 }) }
const value = oneof(
  record({
    ...usual,
    isOpen: oneof(boolean(), constant(undefined)),
    'a "name"': text,
    venue: record({ name: constantFrom('X', 'Y"', 'x'), id: anything, secret: text }, { requiredKeys: ['name'] }),
    secret: anything
  }, { requiredKeys: ['symbol', 'bid', 'size'] }),
  record({ symbol: anything, bid: anything, size: anything, venue: anything }),
  dictionary(text, anything), anything, array(anything)
)

function outcomeOf (run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return `throws ${String(error)}`
  }
}

t.test('serialiser: the same JSON and the same errors as a projected and checked value', async (t) => {
  for (const schema of [quote, Type.Object({}), ...others] as readonly TypeBoxSchema[]) {
    const { reply, encodeReply } = compileReply(schema, 'reply')
    assert(property(value, (given) => {
      return outcomeOf(() => encodeReply(given)) === outcomeOf(() => JSON.stringify(reply(given)))
    }), { numRuns: 1_000 })
  }
  t.pass('for 1,000 values of each schema')
})

t.test('serialiser: it writes usual replies itself, and leaves others to the projection', async (t) => {
  const serialise = compileSerialiser(closeSchema(quote, 'reply'))
  const reply = { symbol: 'A', bid: 1.5, size: 3, isOpen: false, venue: { name: 'X' }, secret: 's' }
  t.equal(serialise?.(reply), '{"symbol":"A","bid":1.5,"size":3,"isOpen":false,"venue":{"name":"X"}}')
  for (const left of ['é', '"', '\n', 'x'.repeat(257)]) t.equal(serialise?.({ ...reply, symbol: left }), undefined)
  t.equal(serialise?.({ ...reply, size: 0 }), undefined)
  for (const schema of others as readonly TypeBoxSchema[]) {
    t.equal(compileSerialiser(closeSchema(schema, 'reply')), undefined, JSON.stringify(schema))
  }
})

t.test('serialiser: each property is read once, so a value that changes is written as it was checked', async (t) => {
  const serialise = compileSerialiser(closeSchema(quote, 'reply'))
  const first = { symbol: 'A', bid: 1, size: 1, isOpen: true, venue: { name: 'X' } }
  const changes = [
    ['symbol', 1], ['symbol', undefined], ['bid', NaN], ['size', 0], ['isOpen', 'yes'], ['venue', null],
    ['venue', { name: 'x' }]
  ] as const
  for (const [name, later] of changes) {
    let reads = 0
    const reply = { ...first }
    Object.defineProperty(reply, name, { get: () => reads++ === 0 ? first[name] : later, enumerable: true })
    t.equal(serialise?.(reply), JSON.stringify(first), name)
    t.equal(reads, 1, `${name} is read once`)
  }
})

t.test('serialiser: what TypeBox is told to accept is written as JSON writes it', async (t) => {
  const { AllowArrayObject, AllowNaN } = TypeSystemPolicy
  t.teardown(() => Object.assign(TypeSystemPolicy, { AllowArrayObject, AllowNaN }))
  Object.assign(TypeSystemPolicy, { AllowArrayObject: true, AllowNaN: true })
  const { encodeReply } = compileReply(Type.Object({ n: Type.Optional(Type.Number()) }), 'reply')
  t.strictSame([{ n: NaN }, { n: 1 }].map(encodeReply), ['{"n":null}', '{"n":1}'])
  t.throws(() => encodeReply([]), { code: 'FST_CHANNELS_OUTGOING' }, 'a list has a length, which is not declared')
})

t.test('contract: an object with a JSON of its own is checked as that JSON', async (t) => {
  const of = (schema: TSchema, value: unknown) => outcomeOf(() => compileReply(schema, 'reply').encodeReply(value))
  const broken = (path: string, message: string) =>
    `throws OutgoingError: invalid outgoing value in reply${path}: ${message}`
  const half = broken('', 'Expected well-formed text, without half of a surrogate pair')
  const open = Type.Object({ id: Type.Integer() }, { additionalProperties: true })
  const any = Type.Object({ any: Type.Unknown() })
  t.equal(of(Type.Unknown(), { toJSON: () => '\ud83d' }), half)
  t.equal(of(Type.Intersect([Type.Not(Type.Null())]), { toJSON: () => '\ud83d' }), half)
  t.equal(of(open, { id: 1, toJSON: () => ({ id: 'x' }) }), broken('/id', 'Expected integer'))
  t.equal(of(any, { any: () => 1 }), broken('/any', 'Expected required property'))
  t.equal(of(any, { any: [Symbol('x'), new Date(0)] }), '{"any":[null,"1970-01-01T00:00:00.000Z"]}')
  t.equal(of(any, { any: { toJSON: 'a text' } }), '{"any":{"toJSON":"a text"}}')
  t.equal(of(Type.Unknown(), () => 1), undefined, 'no payload')
})
