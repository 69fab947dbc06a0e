import { FormatRegistry, Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import type { CheckedSchema } from '../../../lib/api-page/contracts/page-contracts.ts'
import { makeField } from '../../../lib/api-page/form/make-field.ts'
import { PayloadEditor, type Edited } from '../../../lib/api-page/trial/payload-editor.ts'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import { seededRandom } from '../../../lib/contract/examples/random.ts'
import { pageSchemas } from '../../support/api-page/contracts.ts'
import { becomeBrowser, TestPage } from '../../support/api-page/dom.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

FormatRegistry.Set('uuid', () => true)

const point = Type.Object({ x: Type.Number({ minimum: 2 }), y: Type.Optional(Type.Integer()) })

const schemas: Readonly<Record<string, TSchema>> = {
  ...schemasOfEveryKind,
  choice: Type.Union([Type.Literal('a'), Type.Literal(2), Type.Null()]),
  forms: Type.Union([
    Type.Object({ kind: Type.Literal('dot'), at: point }),
    Type.Object({ kind: Type.Literal('text'), text: Type.String() }),
    Type.Array(Type.String()), Type.String({ title: 'A name' })
  ]),
  nested: Type.Object({
    list: Type.Array(point),
    pair: Type.Tuple([Type.Boolean(), Type.Null()]),
    long: Type.String({ maxLength: 2_000 }),
    record: Type.Record(Type.String(), Type.Union([Type.Literal('a'), Type.Literal('b')]))
  }),
  firsts: Type.Array(Type.Object({
    array: Type.Array(Type.Any()),
    boolean: Type.Boolean(),
    integer: Type.Integer(),
    literal: Type.Literal('one'),
    nothing: Type.Null(),
    number: Type.Number({ minimum: 3 }),
    record: Type.Record(Type.String(), Type.Any()),
    expression: Type.RegExp(/a/),
    text: Type.String(),
    template: Type.TemplateLiteral([Type.Literal('a'), Type.String()]),
    tuple: Type.Tuple([Type.Integer(), Type.Any()]),
    nil: Type.Tuple([]),
    union: Type.Union([Type.Boolean(), Type.String()])
  }))
}

t.test('API page: a form shows a value of every kind of schema, and has the same value', async (t) => {
  becomeBrowser(t)
  const checked = await pageSchemas(schemas)
  for (const [name, schema] of Object.entries(schemas)) {
    for (const seed of [1, 2, 3]) {
      const value = exampleOf(schema, name, { random: seededRandom(seed) })
      t.strictSame(makeField((checked.get(name) as CheckedSchema).schema, value, 'value').value, value, name)
    }
  }
})

t.test('API page: what people do in a form changes its value', async (t) => {
  becomeBrowser(t)
  const checked = await pageSchemas(schemas)
  const fieldOf = (name: string, value?: unknown) => {
    const field = makeField((checked.get(name) as CheckedSchema).schema, value, 'value')
    const page = new TestPage(field.element)
    let changes = 0
    page.root.addEventListener('input', () => changes++)
    return { field, page, changes: () => changes }
  }
  const nested = { list: [{ x: 3, y: 4 }], pair: [true, null], long: 'l', record: {} }
  const { field, page, changes } = fieldOf('nested', nested)
  page.toggle('with y')
  t.match(field.value, { list: [{ x: 3 }] })
  page.toggle('with y')
  t.match(field.value, { list: [{ x: 3, y: 0 }] })
  page.click('Add to list')
  t.match(field.value, { list: [{ x: 3, y: 0 }, { x: 2 }] })
  page.click('Remove')
  page.type('x', 'many')
  t.match(field.value, { list: [{ x: 'many' }] }, 'what is no number stays what it is')
  page.type('x', '')
  t.strictSame((field.value as { list: object[] }).list, [{}])
  page.click('Add to record')
  page.type('name', 'k/1')
  page.choose('value', 1)
  t.match(field.value, { record: { 'k/1': 'b' } })
  page.all<HTMLButtonElement>('.row button').at(-1)?.click()
  t.match(field.value, { record: {} })
  page.type('long', 'longer')
  page.toggle('item 1')
  t.match(field.value, { long: 'longer', pair: [false, null] })
  t.ok(changes() >= 10, 'each change is announced')

  const forms = fieldOf('forms', { kind: 'text', text: 't' })
  t.strictSame(forms.page.all('option').map(({ textContent }) => textContent),
    ['1. kind: "dot"', '2. kind: "text"', '3. array', '4. A name'])
  t.strictSame(forms.field.value, { kind: 'text', text: 't' })
  forms.page.choose('form', 0)
  t.strictSame([forms.field.value, forms.changes()], [{ kind: 'dot', at: { x: 2 } }, 1])
  t.strictSame(fieldOf('forms', 7).field.value, { kind: 'dot', at: {} }, 'a value of no form begins with the first')

  const firsts = fieldOf('firsts', 'no list')
  firsts.page.click('Add to value')
  t.strictSame(firsts.field.value, [{
    array: [],
    boolean: false,
    integer: 0,
    literal: 'one',
    nothing: null,
    number: 3,
    record: {},
    expression: '',
    text: '',
    template: '',
    tuple: [0, null],
    nil: [],
    union: false
  }])
  const any = fieldOf('unknown')
  t.strictSame(any.field.value, undefined)
  any.page.type('value as JSON', '{')
  t.throws(() => any.field.value, SyntaxError)
  any.page.type('value as JSON', '{"a":[1]}')
  t.strictSame(any.field.value, { a: [1] })
  t.strictSame(fieldOf('a recursive union', [null, null]).field.value, [null, null], 'recursive values are JSON')
  t.strictSame([fieldOf('tuple', 1).field.value, fieldOf('record', []).field.value, fieldOf('text', 1).field.value],
    [['', {}], {}, ''])
})

t.test('API page: a payload is edited as a form or as JSON, and its first fault is said at once', async (t) => {
  becomeBrowser(t)
  const text = Type.Object({ text: Type.String({ maxLength: 3 }) }, { examples: [{ text: 'abc' }] })
  const checked = (await pageSchemas({ text, any: Type.Any({ examples: [1] }) }))
  let last: Edited | undefined
  const editor = new PayloadEditor(checked.get('text') as CheckedSchema, 'payload', (edited) => { last = edited })
  const page = new TestPage(editor.element)
  t.strictSame(editor.edited, { value: { text: 'abc' }, issue: undefined, isJson: true })
  page.type('text', 'abcd')
  const tooLong = '/text: Expected string length less or equal to 3'
  t.strictSame(last, { value: { text: 'abcd' }, issue: tooLong, isJson: true })
  page.toggle('edit as JSON')
  t.strictSame(JSON.parse(page.control('payload as JSON').value), { text: 'abcd' })
  page.type('payload as JSON', '{"text":')
  t.match(last, { issue: /^not JSON: /, isJson: false })
  page.toggle('edit as JSON')
  t.ok(page.control('edit as JSON').checked, 'what is no JSON stays')
  page.type('payload as JSON', '{"text":1}')
  t.match(last, { value: { text: 1 }, issue: '/text: Expected string' })
  page.toggle('edit as JSON')
  t.equal(page.control('text').value, '')
  page.click('Example')
  t.strictSame(last?.value, { text: 'abc' })
  const other = new TestPage(new PayloadEditor(checked.get('any') as CheckedSchema, 'payload', () => {}).element)
  other.type('payload as JSON', '')
  other.toggle('edit as JSON')
  t.equal(other.control('payload as JSON').value, '', 'no payload is no text')
})
