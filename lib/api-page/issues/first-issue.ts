import type { CheckedSchema } from '../contracts/page-contracts.ts'
import type { PageSchema } from '../contracts/page-schema.ts'
import { arrayIssue, tupleIssue } from './list-issues.ts'
import { intersectionIssue, objectIssue, recordIssue } from './object-issues.ts'
import { numberIssue, regExpIssue, templateIssue, textIssue } from './scalar-issues.ts'
import { issue, type PageIssue, type Visit } from './visit.ts'

type Finder = (schema: PageSchema, visit: Visit) => PageIssue | undefined

/** The first mistake in a value; undefined where the generated check finds none. */
export function firstIssue ({ check, schema }: CheckedSchema, value: unknown): PageIssue | undefined {
  if (check(value)) return undefined
  return issueIn(schema, value) ?? { path: '', message: 'The value does not match its schema' }
}

const typeOfValue = (isValid: (value: unknown) => boolean, message: string): Finder =>
  (_, visit) => isValid(visit.value) ? undefined : issue(visit, message)

/** The order of the checks, and their words, are those of TypeBox. */
const finders: Readonly<Record<string, Finder>> = {
  Array: arrayIssue,
  Boolean: typeOfValue((value) => typeof value === 'boolean', 'Expected boolean'),
  Import: referenceIssue,
  Integer: (schema, visit) => numberIssue(schema, visit, Number.isInteger(visit.value), 'integer'),
  Intersect: intersectionIssue,
  Literal: literalIssue,
  Never: (_, visit) => issue(visit, 'Never'),
  Not: (schema, visit) => visit.issueOf(schema.not as PageSchema, visit.value, visit.path)
    ? undefined
    : issue(visit, 'Value should not match'),
  Null: typeOfValue((value) => value === null, 'Expected null'),
  Number: (schema, visit) => numberIssue(schema, visit, Number.isFinite(visit.value), 'number'),
  Object: objectIssue,
  Record: recordIssue,
  Ref: referenceIssue,
  RegExp: regExpIssue,
  String: textIssue,
  TemplateLiteral: templateIssue,
  Tuple: tupleIssue,
  Union: (schema, visit) =>
    (schema.anyOf as readonly PageSchema[]).some((variant) => !visit.issueOf(variant, visit.value, visit.path))
      ? undefined
      : issue(visit, 'Expected union value')
}

function referenceIssue ({ $ref }: PageSchema, { named, issueOf, value, path }: Visit): PageIssue | undefined {
  return issueOf(named.get($ref as string) as PageSchema, value, path)
}

function literalIssue ({ const: expected }: PageSchema, visit: Visit): PageIssue | undefined {
  if (visit.value === expected) return undefined
  return issue(visit, `Expected ${typeof expected === 'string' ? `'${expected}'` : expected}`)
}

/**
 * The first mistake, without the generated check. A kind without a finder takes any value, or is one of the
 * application, which only the server can check.
 */
export function issueIn (
  schema: PageSchema, value: unknown, path = '', outer: ReadonlyMap<string, PageSchema> = new Map()
): PageIssue | undefined {
  const { $id, $defs = {} } = schema
  const own = [...$id === undefined ? [] : [[$id, schema] as const], ...Object.entries($defs)]
  const named = own.length === 0 ? outer : new Map([...outer, ...own])
  return finders[schema.kind]?.(schema, {
    value, path, named, issueOf: (part, inner, at) => issueIn(part, inner, at, named)
  })
}
