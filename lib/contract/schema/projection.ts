import { Kind } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { openSchema } from './close-schema.ts'
import { childrenOf, holdsProperties, type SchemaNode } from './schema-node.ts'
import { withFastUnique } from './typebox-faults.ts'

/**
 * Copies the declared parts of a value. Values of another type pass unchanged, because the check after it refuses them.
 */
export type Projector = (value: unknown) => unknown

/** The schemas that a reference may name, each with its projector as soon as that is built. */
type Scope = Map<string, { readonly schema: SchemaNode, project: Projector }>
type Properties = Record<string, unknown>

const same: Projector = (value) => value

/**
 * Compiles a closed schema to a projector. A handler may return a whole database row, and only the declared fields are
 * sent. Types cannot guarantee that, because `{ id, passwordHash }` is assignable to `{ id }`.
 */
export function compileProjector (schema: SchemaNode): Projector {
  const project = projectorOf(schema, new Map())
  return keepsUnknown(schema) ? (value) => asJson(project(value)) : project
}

/** The kinds whose values are copied part by part, or have no parts. */
const knownKinds = new Set([
  'Array', 'Boolean', 'Import', 'Integer', 'Intersect', 'Literal', 'Never', 'Null', 'Number', 'Object', 'Record', 'Ref',
  'RegExp', 'String', 'TemplateLiteral', 'Tuple', 'Union'
])

/** Whether parts of a projected value are the application's own objects, of any class. */
function keepsUnknown (node: SchemaNode): boolean {
  const { additionalProperties, unevaluatedProperties, allOf = [] } = node
  return !knownKinds.has(node[Kind]) || additionalProperties === true || unevaluatedProperties === true ||
    (node[Kind] === 'Intersect' && !allOf.some(holdsProperties)) ||
    childrenOf(node).some(([, child]) => keepsUnknown(child))
}

/** What `JSON.stringify` makes of a value. So the check sees what is sent, and not an object with another JSON. */
function asJson (value: unknown): unknown {
  if (isData(value)) return value
  const json = JSON.stringify(value) as string | undefined
  return json === undefined ? undefined : JSON.parse(json)
}

function isData (value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  return typeof (value as { readonly toJSON?: unknown }).toJSON !== 'function' && Object.values(value).every(isData)
}

function projectorOf (node: SchemaNode, outer: Scope): Projector {
  if (node.$ref !== undefined && node.$defs === undefined) return byReference(node.$ref, outer)
  const scope = scopeOf(node, outer)
  const project = build(node, scope)
  const named = scope.get(node.$id as string)
  if (named) named.project = project
  return project
}

/** Resolved on use, because a recursive type refers to itself before it is built. */
function byReference (ref: string, scope: Scope): Projector {
  return (value) => scope.get(ref)?.project(value)
}

function scopeOf (node: SchemaNode, outer: Scope): Scope {
  const isNew = node.$id !== undefined && outer.get(node.$id)?.schema !== node
  const named = [...(isNew ? [node] : []), ...Object.values(node.$defs ?? {})]
  if (named.length === 0) return outer
  const own = named.map((schema) => [schema.$id as string, { schema, project: same }] as const)
  const scope: Scope = new Map([...outer, ...own])
  for (const definition of Object.values(node.$defs ?? {})) projectorOf(definition, scope)
  return scope
}

function build (node: SchemaNode, scope: Scope): Projector {
  switch (node[Kind]) {
    case 'Object': return objects(node, scope)
    case 'Record': return records(node, scope)
    case 'Array': return arrays(projectorOf(node.items as SchemaNode, scope))
    case 'Tuple': return tuples(
      (node.items as readonly SchemaNode[] | undefined ?? []).map((s) => projectorOf(s, scope))
    )
    case 'Union': return unions(node, scope)
    case 'Intersect': return intersections(node, scope)
    case 'Import': return byReference(node.$ref as string, scope)
    default: return same
  }
}

function objects (node: SchemaNode, scope: Scope): Projector {
  const declared = Object.entries(node.properties as Record<string, SchemaNode>).map(([key, s]) =>
    [key, projectorOf(s, scope)] as const)
  const rest = others(node.additionalProperties, scope)
  return onObject((value) => {
    const out: Properties = rest ? mapped(value, rest) : {}
    for (const [key, project] of declared) if (value[key] !== undefined) out[key] = project(value[key])
    return out
  })
}

/** The projector of properties that are not declared by name: undefined when they are removed. */
function others (declared: boolean | SchemaNode | undefined, scope: Scope): Projector | undefined {
  if (typeof declared === 'object') return projectorOf(declared, scope)
  return declared ? same : undefined
}

function records (node: SchemaNode, scope: Scope): Projector {
  const [[pattern, schema]] = Object.entries(
    node.patternProperties as Record<string, SchemaNode>
  ) as [[string, SchemaNode]]
  const key = new RegExp(pattern)
  const project = projectorOf(schema, scope)
  const rest = others(node.additionalProperties, scope)
  return onObject((value) => ({
    ...(rest && mapped(value, rest)),
    ...mapped(Object.fromEntries(Object.entries(value).filter(([name]) => key.test(name))), project)
  }))
}

function arrays (project: Projector): Projector {
  return (value) => Array.isArray(value) ? value.map(project) : value
}

function tuples (projectors: readonly Projector[]): Projector {
  return (value) => Array.isArray(value) ? value.map((item, i) => (projectors[i] ?? same)(item)) : value
}

/**
 * A value belongs to the first member that accepts it, else to the first member that accepts it without its undeclared
 * properties. Projecting the value to each member in order would take exponential time in a recursive type, and would
 * remove properties where an earlier member declares fewer of them.
 */
function unions (node: SchemaNode, scope: Scope): Projector {
  const references = [...scope.values()].map(({ schema }) => withFastUnique(schema))
  const opened = references.map(openSchema)
  const members = (node.anyOf as readonly SchemaNode[]).map((s) => ({
    project: projectorOf(s, scope),
    exact: TypeCompiler.Compile(withFastUnique(s), references),
    tolerant: TypeCompiler.Compile(openSchema(withFastUnique(s)), opened)
  }))
  return (value) => {
    const member = members.find(({ exact }) => exact.Check(value)) ??
      members.find(({ tolerant }) => tolerant.Check(value))
    return member ? member.project(value) : value
  }
}

/**
 * Members without properties, such as a `Not`, only check. Open members are projected first, so that the declared
 * properties of the other members override theirs.
 */
function intersections (node: SchemaNode, scope: Scope): Projector {
  const objects = (node.allOf as readonly SchemaNode[]).filter(holdsProperties)
  const members = objects.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a))).map((s) => projectorOf(s, scope))
  const rest = others(node.unevaluatedProperties, scope)
  if (members.length === 0) return same
  return onObject((value) =>
    Object.assign(rest ? mapped(value, rest) : {}, ...members.map((project) => project(value))))
}

function isOpen ({ additionalProperties, unevaluatedProperties }: SchemaNode): boolean {
  return Boolean(additionalProperties || unevaluatedProperties)
}

function onObject (project: (value: Properties) => Properties): Projector {
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? project(value as Properties) : value
}

/** Leaves out undefined values, as JSON does. */
function mapped (value: Properties, project: Projector): Properties {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => item === undefined ? [] : [[key, project(item)]])
  )
}
