import type { PageSchema } from '../contracts/page-schema.ts'
import { issue, limitIssue, type PageIssue, type Visit } from './visit.ts'

type Limit = readonly [keyword: string, keeps: (value: number, limit: number) => boolean, words: string]

/** The message of the first limit that a number breaks. */
export function brokenLimit (schema: PageSchema, value: number, limits: readonly Limit[]): string | undefined {
  const broken = limits.find(([keyword, keeps]) => keyword in schema && !keeps(value, schema[keyword] as number))
  return broken && broken[2].replace('#', String(schema[broken[0]]))
}

const atLeast = (value: number, limit: number) => value >= limit
const atMost = (value: number, limit: number) => value <= limit

export const limitsOf = (least: string, most: string, words: readonly [string, string]): readonly Limit[] =>
  [[least, atLeast, words[0]], [most, atMost, words[1]]]

const numberLimits = (name: string): readonly Limit[] => [
  ['exclusiveMaximum', (value, limit) => value < limit, `Expected ${name} to be less than #`],
  ['exclusiveMinimum', (value, limit) => value > limit, `Expected ${name} to be greater than #`],
  ['maximum', atMost, `Expected ${name} to be less or equal to #`],
  ['minimum', atLeast, `Expected ${name} to be greater or equal to #`],
  ['multipleOf', (value, step) => value % step === 0, `Expected ${name} to be a multiple of #`]
]

const textLimits = limitsOf('minLength', 'maxLength', [
  'Expected string length greater or equal to #', 'Expected string length less or equal to #'
])

export function numberIssue (schema: PageSchema, visit: Visit, isNumber: boolean, name: string): PageIssue | undefined {
  if (!isNumber) return issue(visit, `Expected ${name}`)
  return limitIssue(visit, brokenLimit(schema, visit.value as number, numberLimits(name)))
}

export function textIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { pattern } = schema
  const failed = lengthIssue(schema, visit)
  if (failed || pattern === undefined) return failed
  return new RegExp(pattern).test(visit.value as string)
    ? undefined
    : issue(visit, `Expected string to match '${pattern}'`)
}

export function regExpIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const failed = lengthIssue(schema, visit)
  if (failed) return failed
  return new RegExp(schema.source as string, schema.flags).test(visit.value as string)
    ? undefined
    : issue(visit, 'Expected string to match regular expression')
}

/** A template has no limits of its length. */
export function templateIssue ({ kind, pattern }: PageSchema, visit: Visit): PageIssue | undefined {
  return textIssue({ kind, pattern: pattern as string }, visit)
}

function lengthIssue (schema: PageSchema, visit: Visit): PageIssue | undefined {
  const { value } = visit
  if (typeof value !== 'string') return issue(visit, 'Expected string')
  return limitIssue(visit, brokenLimit(schema, value.length, textLimits))
}
