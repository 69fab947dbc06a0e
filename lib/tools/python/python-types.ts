import type { AsyncApiDocument } from '../../asyncapi/asyncapi-document.ts'
import { componentPointer, isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { dataclassOf } from './dataclass.ts'
import type { ClassNames } from './python-names.ts'
import { bracketed, literalOf } from './python-text.ts'
import { alternativesOf, isNullable, objectOf, type ObjectShape, type RecordShape } from './schema-shapes.ts'

/** The types of a Python module, made from JSON Schema: dataclasses, and aliases of what is no object. */
export class PythonTypes {
  readonly classes: string[] = []
  readonly aliases: string[] = []
  readonly #schemas: Readonly<Record<string, JsonSchema>>
  readonly #names: ClassNames
  /** The components that have a name already, by their names in the document. */
  readonly #components = new Map<string, string>()
  /** Aliases that are not complete. Python cannot read their names yet, so they are in quotes. */
  readonly #unfinished = new Set<string>()

  constructor (document: AsyncApiDocument, names: ClassNames) {
    this.#schemas = (document.components.schemas ?? {}) as Readonly<Record<string, JsonSchema>>
    this.#names = names
  }

  /** The annotation for a schema. @param name for a class that it needs */
  typeOf (schema: JsonSchema, name: string): string {
    return textOf(this.#membersOf(schema, name))
  }

  /** The members of an object. Undefined for a schema of another kind. */
  shapeOf (schema: JsonSchema): ObjectShape | RecordShape | undefined {
    return objectOf(this.resolve(schema), (one) => this.resolve(one))
  }

  isNullable (schema: JsonSchema): boolean {
    return isNullable(schema, (one) => this.resolve(one))
  }

  /** The schema that a reference means; any other schema is itself. */
  resolve (schema: JsonSchema): JsonSchema {
    const { $ref } = schema
    return typeof $ref === 'string' ? this.#schemas[$ref.slice(componentPointer.length)] ?? {} : schema
  }

  /** The types of a union, or a single one. */
  #membersOf (schema: JsonSchema, name: string): readonly string[] {
    const { $ref, type, allOf } = schema
    if (typeof $ref === 'string') return [this.#component($ref)]
    const values = 'const' in schema ? [schema.const] : schema.enum
    if (Array.isArray(values)) return values.map(literalType)
    const alternatives = alternativesOf(schema)
    if (alternatives) return alternatives.flatMap((one, i) => this.#membersOf(one, `${name} ${labelOf(one, i)}`))
    const shape = this.shapeOf(schema)
    if (allOf && !shape) return this.#membersOfAll(allOf as JsonSchema[], name)
    if (shape?.properties) return [this.#dataclass(schema, shape, name)]
    if (shape) return [`dict[str, ${this.typeOf(shape.others, `${name} value`)}]`]
    return [type === 'array' ? this.#array(schema, name) : plainTypes[String(type)] ?? 'Any']
  }

  /** A value that has to match several schemas has their type where they agree. */
  #membersOfAll (schemas: readonly JsonSchema[], name: string): readonly string[] {
    const types = new Set(schemas.map((one) => this.typeOf(one, name)))
    return types.size === 1 ? [...types] : ['Any']
  }

  #component ($ref: string): string {
    const id = $ref.slice(componentPointer.length)
    const known = this.#components.get(id)
    if (known !== undefined) return this.#unfinished.has(known) ? `"${known}"` : known
    const name = this.#names.take(id)
    this.#components.set(id, name)
    const schema = this.resolve({ $ref })
    const shape = this.shapeOf(schema)
    if (shape?.properties) {
      this.classes.push(dataclassOf(this, schema, shape, { name }))
      return name
    }
    this.#unfinished.add(name)
    const members = mergedMembers(this.#membersOf(schema, name))
    this.#unfinished.delete(name)
    this.aliases.push(bracketed(`${name}: TypeAlias = Union[`, members, ']'))
    return name
  }

  #dataclass (schema: JsonSchema, shape: ObjectShape, wanted: string): string {
    const { title } = schema
    const name = this.#names.take(...typeof title === 'string' ? [title] : [], wanted)
    this.classes.push(dataclassOf(this, schema, shape, { name }))
    return name
  }

  #array ({ items, maxItems }: JsonSchema, name: string): string {
    if (!Array.isArray(items)) {
      return maxItems === 0 ? 'tuple[()]' : `list[${this.typeOf(isObject(items) ? items : {}, `${name} item`)}]`
    }
    const types = (items as JsonSchema[]).map((item, i) => this.typeOf(item, `${name} ${i + 1}`))
    return `tuple[${types.join(', ')}]`
  }
}

const plainTypes: Readonly<Record<string, string>> = {
  string: 'str', integer: 'int', number: 'float', boolean: 'bool', null: 'None'
}

function literalType (value: unknown): string {
  if (value === null) return 'None'
  const literal = literalOf(value)
  if (literal !== undefined) return `Literal[${literal}]`
  return typeof value === 'number' ? 'float' : 'Any'
}

/** What tells a member of a union from the others: `{ kind: 'circle' }` is `circle`. */
function labelOf ({ properties }: JsonSchema, i: number): string {
  const constants = Object.values(properties ?? {}).map((member) => (member as JsonSchema).const)
  return constants.find((value) => typeof value === 'string') ?? String(i + 1)
}

/** Each type once, with all literals as one type. */
function mergedMembers (types: readonly string[]): readonly string[] {
  if (types.includes('Any')) return ['Any']
  const isLiteral = (type: string) => type.startsWith('Literal[')
  const values = new Set(types.filter(isLiteral).map((type) => type.slice('Literal['.length, -1)))
  const literal = values.size > 0 ? [`Literal[${[...values].join(', ')}]`] : []
  return [...literal, ...new Set(types.filter((type) => !isLiteral(type)))]
}

function textOf (types: readonly string[]): string {
  const members = mergedMembers(types)
  // A name in quotes has no operators.
  const isUnion = members.length > 1 && members.some((type) => type.startsWith('"'))
  return isUnion ? `Union[${members.join(', ')}]` : members.join(' | ')
}
