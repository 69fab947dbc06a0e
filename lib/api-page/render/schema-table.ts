import { componentPointer, isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { html, table, type Html, type HtmlPart } from './html.ts'

/** A part of a schema that has a row of its own. */
interface Row {
  readonly path: string
  readonly schema: JsonSchema
  readonly isRequired: boolean
}

/** How a page words the limits of a schema. */
const limits: ReadonlyArray<readonly [keyword: string, words: string]> = [
  ['minLength', 'at least # characters'],
  ['maxLength', 'at most # characters'],
  ['minimum', 'at least #'],
  ['exclusiveMinimum', 'more than #'],
  ['maximum', 'at most #'],
  ['exclusiveMaximum', 'less than #'],
  ['multipleOf', 'a multiple of #'],
  ['minItems', 'at least # items'],
  ['maxItems', 'at most # items'],
  ['minProperties', 'at least # members'],
  ['maxProperties', 'at most # members'],
  ['minContains', 'contains at least #'],
  ['maxContains', 'contains at most #'],
  ['format', 'format #'],
  ['pattern', 'pattern #'],
  ['x-regexp', 'pattern #'],
  ['default', '# by default']
]

/** A schema as a table: a row for each part of a value. References lead to the schema that they mean. */
export function schemaTable (schema: JsonSchema, caption: string): Html {
  const rows = rowsOf({ path: '', schema, isRequired: true })
  // The value itself has a row where it is no object whose members say all.
  const [first, ...others] = rows as [Row, ...Row[]]
  const shown = others.length > 0 && first.schema.type === 'object' ? others : rows
  return table(caption, ['Name', 'Type', 'Limits', 'Description'], shown.map((row) => [
    html`<code>${row.path === '' ? 'value' : row.path}</code>${!row.isRequired && html` <small>optional</small>`}`,
    typeOf(row.schema),
    limitsOf(row.schema),
    typeof row.schema.description === 'string' ? row.schema.description : ''
  ]))
}

function rowsOf (row: Row): Row[] {
  const { path, schema } = row
  const { properties, items, anyOf, allOf, additionalProperties, patternProperties, contains } = schema
  const { required = [] } = schema as { readonly required?: readonly string[] }
  const inner = (name: string, child: unknown, isRequired = true) =>
    isObject(child) && !isAbsent(child) ? rowsOf({ path: name, schema: child, isRequired }) : []
  const members = isObject(properties) ? Object.entries(properties) : []
  const records = isObject(patternProperties) ? Object.values(patternProperties) : []
  const dotted = (name: string) => path === '' ? name : `${path}.${name}`
  return [
    row,
    ...members.flatMap(([name, child]) => inner(dotted(name), child, required.includes(name))),
    ...[...records, additionalProperties].flatMap((child) => withRows(child, inner, dotted('*'))),
    ...Array.isArray(items)
      ? items.flatMap((child, i) => inner(`${path}[${i}]`, child))
      : withRows(items, inner, `${path}[]`),
    ...withRows(contains, inner, `${path}[some]`),
    ...[anyOf, allOf].flatMap((list) => Array.isArray(list) ? variantRows(list, path, inner) : [])
  ]
}

type Inner = (name: string, child: unknown) => Row[]

/** What one word says needs no row of its own. */
function withRows (child: unknown, inner: Inner, path: string): Row[] {
  const rows = inner(path, child)
  return rows.length > 1 || limitsOf(rows[0]?.schema ?? {}).length > 0 ? rows : []
}

function variantRows (variants: readonly unknown[], path: string, inner: Inner): Row[] {
  return variants.flatMap((variant, i) => withRows(variant, inner, `${path}|${i + 1}`))
}

/** The schema of `Type.Never()`: a member that this form of a message does not have. */
function isAbsent ({ not }: JsonSchema): boolean {
  return isObject(not) && Object.keys(not).length === 0
}

function typeOf (schema: JsonSchema): HtmlPart {
  const { $ref, type, anyOf, allOf, items, not } = schema
  if (typeof $ref === 'string') return html`<a href="#${anchorOf($ref)}">${nameOf($ref)}</a>`
  if ('const' in schema) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (Array.isArray(schema.enum)) return joined(schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`))
  if (Array.isArray(anyOf)) return joined(anyOf.map((variant) => typeOf(variant)))
  if (Array.isArray(allOf)) return ['all of: ', joined(allOf.map((part) => typeOf(part)), ' and ')]
  if (isObject(not)) return ['not ', typeOf(not)]
  if (isObject(items)) return ['array of ', typeOf(items)]
  return type === undefined ? 'any value' : [type].flat().join(' or ')
}

const joined = (parts: readonly HtmlPart[], between = ' or '): HtmlPart =>
  parts.map((part, i) => i === 0 ? part : [between, part])

function limitsOf (schema: JsonSchema): readonly HtmlPart[] {
  const said = limits.filter(([keyword]) => keyword in schema).map(([keyword, words]) => {
    const value = schema[keyword]
    const [before, after] = words.split('#')
    return html`${before}<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>${after}`
  })
  const isOpen = schema.type === 'object' && schema.additionalProperties !== false && !schema.patternProperties
  const flags = [schema.uniqueItems === true && 'no item twice', isOpen && 'further members allowed']
  return [...said, ...flags.filter((flag) => flag !== false)].map((limit) => html`<span class="limit">${limit}</span> `)
}

/** The id of the part of the page that shows what a reference means: a schema, or the payload of a message. */
export function anchorOf ($ref: string): string {
  return $ref.startsWith(componentPointer)
    ? `schema-${nameOf($ref)}`
    : $ref.replace(/^#\/channels\/([^/]+)\/messages\/([^/]+).*$/, 'message:$1:$2')
}

function nameOf ($ref: string): string {
  return $ref.replace(/\/payload$/, '').split('/').at(-1) as string
}
