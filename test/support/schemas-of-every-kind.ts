import { Type, type TSchema } from '@sinclair/typebox'

const point = Type.Object({ x: Type.Number({ minimum: -1, maximum: 1 }), y: Type.Optional(Type.Integer()) })

const module = Type.Module({
  Leaf: Type.Object({ value: Type.String({ maxLength: 5 }) }),
  Tree: Type.Object({ leaf: Type.Ref('Leaf'), children: Type.Array(Type.Ref('Tree'), { maxItems: 2 }) })
})

/** A schema of each kind that a contract may use, by what it is. */
export const schemasOfEveryKind: Readonly<Record<string, TSchema>> = {
  any: Type.Any(),
  unknown: Type.Unknown(),
  null: Type.Null(),
  boolean: Type.Boolean(),
  text: Type.String(),
  'a bounded text': Type.String({ minLength: 3, maxLength: 5 }),
  'a long text': Type.String({ minLength: 60 }),
  'a text with a pattern': Type.String({ pattern: '^[a-z]{2,3}(-[A-Z]{2})?$' }),
  'a text with a format': Type.String({ format: 'uuid' }),
  'a text of an expression': Type.RegExp(/^[a-c]+$/i),
  'a template': Type.TemplateLiteral([
    Type.Literal('user-'), Type.Union([Type.Literal('a'), Type.Literal('b')]), Type.Number()
  ]),
  integer: Type.Integer(),
  'an integer with a step': Type.Integer({ multipleOf: 7, minimum: 1, maximum: 50 }),
  number: Type.Number({ minimum: 0.5, maximum: 1.5 }),
  'a number with a step': Type.Number({ multipleOf: 0.25, minimum: 0, maximum: 2 }),
  'a number within': Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
  'an integer within': Type.Integer({ exclusiveMinimum: 1, exclusiveMaximum: 5 }),
  literal: Type.Literal('one'),
  'an enumeration': Type.Union([Type.Literal('a'), Type.Literal(2), Type.Literal(true)]),
  array: Type.Array(point),
  'a bounded array': Type.Array(Type.Integer(), { minItems: 2, maxItems: 4 }),
  'an array of different items': Type.Array(Type.Integer({ minimum: 0, maximum: 9 }), { uniqueItems: true }),
  'an array that contains': Type.Array(Type.Union([Type.String(), Type.Literal(7)]), {
    contains: Type.Literal(7), minItems: 1
  }),
  tuple: Type.Tuple([Type.String(), point]),
  'an empty tuple': Type.Tuple([]),
  object: Type.Object({ point, at: Type.Integer(), gone: Type.Optional(Type.Never()) }),
  'an empty object': Type.Object({}),
  'an open object': Type.Object({ a: Type.String() }, { additionalProperties: true }),
  record: Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 9 })),
  'a record with a pattern': Type.Record(Type.String({ pattern: '^[a-z]{1,8}$' }), Type.Boolean()),
  'a record with a minimum': Type.Record(Type.String({ pattern: '^[a-z0-9]{9}$' }), Type.Null(), { minProperties: 1 }),
  union: Type.Union([point, Type.Null(), Type.String({ maxLength: 3 })]),
  intersection: Type.Intersect([point, Type.Object({ z: Type.Boolean() })]),
  'an intersection with a union': Type.Intersect([
    Type.Object({ a: Type.String() }), Type.Union([Type.Object({ b: Type.Null() }), Type.Object({ c: Type.Boolean() })])
  ]),
  not: Type.Not(Type.String()),
  recursive: Type.Recursive((node) => Type.Object({ name: Type.String(), nodes: Type.Array(node) }), { $id: 'Node' }),
  'a recursive union': Type.Recursive((node) => Type.Union([Type.Null(), Type.Tuple([node, node])]), { $id: 'Pair' }),
  'an optional recursion': Type.Recursive((node) => Type.Object({ next: Type.Optional(node) }), { $id: 'Next' }),
  module: module.Import('Tree'),
  annotated: Type.String({ pattern: '^(?=a)..$', examples: ['ab', 'ac'] })
}
