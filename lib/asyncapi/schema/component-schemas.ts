import { Kind } from '@sinclair/typebox'
import { childrenOf, holdsProperties, type SchemaNode } from '../../contract/schema/schema-node.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { componentPointer, plainJson, type JsonSchema } from './json-schema.ts'
import { alternativesOf, mergedObject } from './intersection.ts'
import { openIntersection, regExpSchema, withMembers, type Convert } from './node-forms.ts'
import { UniqueNames } from './unique-names.ts'

/** One schema that others refer to. */
interface Component { readonly name: string, schema: JsonSchema }

/** The schemas with an `$id`, by it. */
type Ids = ReadonlyMap<string, SchemaNode>

/** The names that TypeBox gives to recursive types. They count the types of the process. */
const countedId = /^T\d+$/

/**
 * Turns the schemas of contracts into JSON Schema, closed as the server checks them. A schema with an `$id`, and one
 * that is used twice, becomes a component of the document, to which the others refer.
 */
export class ComponentSchemas {
  readonly #components = new Map<string, Component>()
  readonly #names = new UniqueNames()
  readonly #uses = new Map<SchemaNode, number>()
  /** Copies that share their members are one schema, because `Type.Optional` copies. */
  readonly #originals = new Map<object, SchemaNode[]>()
  /** The schemas that a schema of this `$id` stands for, by the schema that contains them. */
  readonly #keys = new Map<SchemaNode, string>()

  /** @param schemas all that will be asked for, because a schema that is used twice has to be known */
  constructor (schemas: Iterable<TypeBoxSchema>) {
    for (const schema of schemas) this.#count(schema as SchemaNode)
  }

  /** The components, by name. Complete when every schema was asked for. */
  get all (): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components.values()].map(({ name, schema }) => [name, schema]))
  }

  /** @param name of the component, where the schema is one and has no name of its own */
  schemaOf (schema: TypeBoxSchema, name: string): JsonSchema {
    const node = schema as SchemaNode
    return this.#convert(node, name, identified(node))
  }

  /** The schema that a reference means; any other schema is itself. */
  resolve (schema: JsonSchema): JsonSchema {
    const { $ref } = schema
    return typeof $ref === 'string' ? this.all[$ref.slice(componentPointer.length)] as JsonSchema : schema
  }

  /** Adds a schema of another origin, such as one of `app.addSchema`. Returns the reference to it. */
  add (key: string, name: string, schemaOf: (pointer: string) => JsonSchema): JsonSchema {
    return this.#componentOf(`added ${key}`, name, schemaOf)
  }

  #count (node: SchemaNode): void {
    const original = this.#originalOf(node)
    const uses = (this.#uses.get(original) ?? 0) + 1
    this.#uses.set(original, uses)
    if (uses === 1) for (const [, child] of childrenOf(node)) this.#count(child)
  }

  #originalOf (node: SchemaNode): SchemaNode {
    const { properties, patternProperties, items, anyOf, allOf } = node
    const members = properties ?? patternProperties ?? items ?? anyOf ?? allOf ?? node
    const copies = this.#originals.get(members) ?? []
    const text = JSON.stringify(node)
    const original = copies.find((copy) => JSON.stringify(copy) === text)
    if (original) return original
    this.#originals.set(members, [...copies, node])
    return node
  }

  #convert (node: SchemaNode, name: string, ids: Ids): JsonSchema {
    if (node.$ref !== undefined) return this.#convert(ids.get(node.$ref) as SchemaNode, name, ids)
    const { $id, title } = node
    const own = $id !== undefined && !countedId.test($id) ? $id : title ?? typeName(name)
    if ($id !== undefined) {
      const key = this.#keyOf(node, ids)
      return this.#componentOf(key, own, () => this.#inline(node, own, ids))
    }
    const original = this.#originalOf(node)
    const isShared = (this.#uses.get(original) ?? 0) > 1 && isWorthAName(node)
    if (!isShared) return this.#inline(node, name, ids)
    return this.#componentOf(this.#keyOf(original, ids), own, () => this.#inline(node, own, ids))
  }

  /** Two schemas are one component when they and all that they refer to are equal, or when they are one object. */
  #keyOf (node: SchemaNode, ids: Ids): string {
    const known = this.#keys.get(node)
    if (known !== undefined) return known
    const key = node.$id === undefined
      ? `object ${this.#keys.size}`
      : [...referredBy(node, ids)].map((schema) => JSON.stringify(schema)).join('\n')
    this.#keys.set(node, key)
    return key
  }

  #componentOf (key: string, wanted: string, schemaOf: (pointer: string) => JsonSchema): JsonSchema {
    const known = this.#components.get(key)
    if (known) return { $ref: componentPointer + known.name }
    const name = this.#names.take(wanted)
    const component: Component = { name, schema: {} }
    // Before its members, because they may refer to it.
    this.#components.set(key, component)
    component.schema = schemaOf(componentPointer + name)
    return { $ref: componentPointer + name }
  }

  #inline (node: SchemaNode, name: string, ids: Ids): JsonSchema {
    const convert = (child: SchemaNode, key: string | number) => this.#convert(child, nameWithin(name, key), ids)
    if (node[Kind] === 'Intersect') return this.#intersection(node, convert)
    if (node[Kind] === 'RegExp') return regExpSchema(node)
    const isOpen = holdsProperties(node) && node.additionalProperties === undefined
    return plainJson({ ...withMembers(node, convert), ...(isOpen && { additionalProperties: false }) })
  }

  #intersection (node: SchemaNode, convert: Convert): JsonSchema {
    const { allOf, unevaluatedProperties, type, $id, ...rest } = node
    const alternatives = alternativesOf(node).map((members) => {
      const merged = mergedObject(members, unevaluatedProperties)
      return merged ? withMembers(merged, convert) : openIntersection(members, unevaluatedProperties, convert)
    })
    return plainJson({ ...rest, ...(alternatives.length === 1 ? alternatives[0] : { anyOf: alternatives }) })
  }
}

/** All schemas with an `$id` within one, by it: those that a `$ref` can mean. */
function identified (root: SchemaNode, found = new Map<string, SchemaNode>()): Map<string, SchemaNode> {
  if (root.$id !== undefined) found.set(root.$id, root)
  for (const [, child] of childrenOf(root)) identified(child, found)
  return found
}

/** The schema with those that it refers to, directly or through others. */
function referredBy (node: SchemaNode, ids: Ids, found = new Set<SchemaNode>()): Set<SchemaNode> {
  found.add(node)
  for (const id of refsIn(node)) {
    const schema = ids.get(id) as SchemaNode
    if (!found.has(schema)) referredBy(schema, ids, found)
  }
  return found
}

function refsIn (node: SchemaNode): string[] {
  return [...node.$ref === undefined ? [] : [node.$ref], ...childrenOf(node).flatMap(([, child]) => refsIn(child))]
}

/** A name for `{ type: 'string' }` says nothing that the schema does not say itself. */
function isWorthAName (node: SchemaNode): boolean {
  return Object.keys(node).some((keyword) => keyword !== 'type') && node.const === undefined
}

/** `message.send reply` is `MessageSendReply`. */
const typeName = (text: string) => text.split(/[^A-Za-z0-9]+/).map(capitalized).join('')
const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** The name of a schema within another: that of the property, or `ChangesItem`. */
function nameWithin (name: string, key: string | number): string {
  return typeof key === 'string' && key !== '*' ? key : `${name}Item`
}
