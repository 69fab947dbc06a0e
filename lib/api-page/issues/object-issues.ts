import type { PageSchema } from '../contracts/page-schema.ts'
import { brokenLimit, limitsOf } from './scalar-issues.ts'
import { issue, limitIssue, membersOf, type PageIssue, type Visit } from './visit.ts'

type Members = Readonly<Record<string, unknown>>

const propertyLimits = limitsOf('minProperties', 'maxProperties', [
  'Expected object to have at least # properties', 'Expected object to have no more than # properties'
])

const pointerTo = ({ path }: Visit, name: string) => `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

const unexpected = (visit: Visit, name: string): PageIssue =>
  ({ path: pointerTo(visit, name), message: 'Unexpected property' })

export function objectIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { properties = {}, required = [], additionalProperties } = schema
  const value = membersOf(visit)
  const wrong = sizeIssue(schema, visit)
  if (!value || wrong) return wrong
  const missing = required.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return { path: pointerTo(visit, missing), message: 'Expected required property' }
  const others = Object.keys(value).filter((name) => !Object.hasOwn(properties, name))
  const [other] = others
  if (additionalProperties === false && other !== undefined) return unexpected(visit, other)
  const further = typeof additionalProperties === 'object'
    ? others.map((name) => [name, additionalProperties] as const)
    : []
  const declared = Object.entries(properties).filter(([name]) => Object.hasOwn(value, name))
  return firstMember(visit, value, [...further, ...declared])
}

export function recordIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { additionalProperties } = schema
  const value = membersOf(visit)
  const wrong = sizeIssue(schema, visit)
  if (!value || wrong) return wrong
  const [[pattern, member]] = Object.entries(schema.patternProperties as object) as [[string, PageSchema]]
  const isNamed = (name: string) => new RegExp(pattern).test(name)
  const others = Object.keys(value).filter((name) => !isNamed(name))
  const found = firstMember(visit, value, Object.keys(value).filter(isNamed).map((name) => [name, member]))
  if (found || additionalProperties === undefined || additionalProperties === true) return found
  const [other] = others
  if (additionalProperties === false) return other === undefined ? undefined : unexpected(visit, other)
  return firstMember(visit, value, others.map((name) => [name, additionalProperties]))
}

export function intersectionIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { allOf, unevaluatedProperties, keys } = schema
  for (const part of allOf as readonly PageSchema[]) {
    const found = visit.issueOf(part, visit.value, visit.path)
    if (found) return found
  }
  const value = membersOf(visit)
  if (!value || unevaluatedProperties === undefined || unevaluatedProperties === true) return undefined
  const declared = new RegExp(keys as string)
  const others = Object.keys(value).filter((name) => !declared.test(name))
  const [other] = others
  if (unevaluatedProperties === false) return other === undefined ? undefined : unexpected(visit, other)
  return firstMember(visit, value, others.map((name) => [name, unevaluatedProperties]))
}

/** That the value is no object, or has too few or too many members. */
function sizeIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const value = membersOf(visit)
  if (!value) return issue(visit, 'Expected object')
  return limitIssue(visit, brokenLimit(schema, Object.keys(value).length, propertyLimits))
}

function firstMember (
  visit: Visit, value: Members, schemas: ReadonlyArray<readonly [name: string, schema: PageSchema]>
): PageIssue | undefined {
  for (const [name, schema] of schemas) {
    const found = visit.issueOf(schema, value[name], pointerTo(visit, name))
    if (found) return found
  }
}
