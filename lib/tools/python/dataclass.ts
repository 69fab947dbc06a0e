import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { memberNames } from './python-names.ts'
import { bracketed, docstring, stringLiteral } from './python-text.ts'
import type { ObjectShape } from './schema-shapes.ts'

/** Makes the types of members. */
interface Types {
  typeOf (schema: JsonSchema, name: string): string
  isNullable (schema: JsonSchema): boolean
  resolve (schema: JsonSchema): JsonSchema
}

/** What a class is besides its members. */
export interface ClassHead {
  readonly name: string
  readonly bases?: readonly string[]
  /** Lines between its description and its members. */
  readonly constants?: string
}

/** The code of a class for the objects of a schema. */
export function dataclassOf (types: Types, schema: JsonSchema, shape: ObjectShape, head: ClassHead): string {
  const { name } = head
  const properties = [...shape.properties]
  const names = memberNames(properties.map(([wire]) => wire))
  const fields = properties.map(([wire, member]) => {
    const isOptional = !shape.required.has(wire)
    return fieldOf(types, member, { wire, name: names.get(wire) as string, owner: name, isOptional })
  })
  if (shape.others) fields.push(extraField(types, shape.others, name, [...names.values()]))
  return `@dataclass(frozen=True, kw_only=True)\n${classOf(schema, head, fields)}`
}

/** The code of a class with these members. */
export function classOf (
  { description }: JsonSchema, { name, bases = [], constants = '' }: ClassHead, fields: readonly string[]
): string {
  const head = bases.length === 0 ? `class ${name}:\n` : bracketed(`class ${name}(`, bases, '):')
  const doc = typeof description === 'string' && description.trim() !== '' ? docstring(description, '    ') : ''
  const body = [doc, constants, fields.join('')].filter((part) => part !== '').join('\n')
  return `${head}${body === '' ? '    pass\n' : body}`
}

interface Field {
  readonly wire: string
  readonly name: string
  /** The class that it belongs to. */
  readonly owner: string
  readonly isOptional: boolean
}

function fieldOf (types: Types, schema: JsonSchema, { wire, name, owner, isOptional }: Field): string {
  const isUnset = isOptional && types.isNullable(schema)
  const plain = types.typeOf(schema, `${owner} ${wire}`)
  const more = isUnset ? plain === 'Any' ? '' : ' | Unset' : isOptional ? ' | None' : ''
  const byDefault = isUnset ? 'UNSET' : isOptional ? 'None' : undefined
  const { description } = schema
  const doc = typeof description === 'string' && description.trim() !== '' ? docstring(description, '    ') : ''
  const declared = `    ${name}: ${plain}${more}`
  if (name === wire) return `${declared}${byDefault === undefined ? '' : ` = ${byDefault}`}\n${doc}`
  const options = [
    ...byDefault === undefined ? [] : [`default=${byDefault}`], `metadata={"wire": ${stringLiteral(wire)}}`
  ]
  return `${bracketed(`${declared} = _field(`, options, ')')}${doc}`
}

/** The members that have no names of their own. */
function extraField (types: Types, schema: JsonSchema, owner: string, taken: readonly string[]): string {
  const name = memberNames(['extra'], taken).get('extra') as string
  const type = types.typeOf(schema, `${owner} extra`)
  return bracketed(`    ${name}: dict[str, ${type}] = _field(`,
    ['default_factory=dict', 'metadata={"extra": True}'], ')')
}
