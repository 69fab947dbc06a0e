import type { PageSchema } from '../contracts/page-schema.ts'
import { brokenLimit, limitsOf } from './scalar-issues.ts'
import { issue, limitIssue, type PageIssue, type Visit } from './visit.ts'

const itemLimits = limitsOf('minItems', 'maxItems', [
  'Expected array length to be greater or equal to #', 'Expected array length to be less or equal to #'
])

const containsLimits = limitsOf('minContains', 'maxContains', [
  'Expected array to contain at least # matching values', 'Expected array to contain no more than # matching values'
])

export function arrayIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { value } = visit
  if (!Array.isArray(value)) return issue(visit, 'Expected array')
  const broken = brokenLimit(schema, value.length, itemLimits)
  if (broken !== undefined) return issue(visit, broken)
  for (const [i, item] of value.entries()) {
    const found = visit.issueOf(schema.items as PageSchema, item, `${visit.path}/${i}`)
    if (found) return found
  }
  if (schema.uniqueItems && new Set(value.map(sameText)).size < value.length) {
    return issue(visit, 'Expected array elements to be unique')
  }
  return containsIssue(schema, value, visit)
}

function containsIssue (schema: PageSchema, value: readonly unknown[], visit: Visit): PageIssue | undefined {
  const { contains } = schema
  if (contains === undefined) return undefined
  const count = value.filter((item) => !visit.issueOf(contains, item, visit.path)).length
  if (count === 0) return issue(visit, 'Expected array to contain at least one matching value')
  return limitIssue(visit, brokenLimit(schema, count, containsLimits))
}

/** The same text for equal values. */
function sameText (value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => Object(part) !== part || Array.isArray(part)
    ? part
    : Object.fromEntries(Object.entries(part as object).sort(([a], [b]) => a < b ? -1 : 1)))
}

export function tupleIssue ({ items = [] }: PageSchema, visit: Visit): PageIssue | undefined {
  const { value } = visit
  const schemas = items as readonly PageSchema[]
  if (!Array.isArray(value)) return issue(visit, 'Expected tuple')
  if (value.length !== schemas.length) return issue(visit, `Expected tuple to have ${schemas.length} elements`)
  for (const [i, schema] of schemas.entries()) {
    const found = visit.issueOf(schema, value[i], `${visit.path}/${i}`)
    if (found) return found
  }
}
