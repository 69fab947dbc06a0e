import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import type { Comparison, Refusal } from './comparison.ts'

/** Why a certain value is refused. */
export function valueRefusals (value: unknown, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  const own = typeof value === 'string' ? { minLength: value.length, maxLength: value.length } : {}
  const bounds = typeof value === 'number' ? { minimum: value, maximum: value } : {}
  const values = 'const' in accepted ? [accepted.const] : accepted.enum
  if (Array.isArray(values) && !values.includes(value)) {
    return at.refuse(`${JSON.stringify(value)} is not among the accepted values`)
  }
  const { pattern, ...rest } = accepted
  const isMatch = pattern === undefined || new RegExp(pattern as string, 'u').test(String(value))
  return [
    ...isMatch ? [] : at.refuse(`${JSON.stringify(value)} does not match the accepted pattern`),
    ...numberRefusals(bounds, rest, at),
    ...stringRefusals(own, rest, at)
  ]
}

type Bound = readonly [keyword: string, what: string, isWithin: (sent: number, accepted: number) => boolean]

const atLeast = (sent: number, accepted: number) => sent >= accepted
const atMost = (sent: number, accepted: number) => sent <= accepted

/** Why a value within the bounds of one schema is beyond those of another. */
function boundRefusals (
  sent: JsonSchema, accepted: JsonSchema, bounds: readonly Bound[], at: Comparison
): readonly Refusal[] {
  return bounds.flatMap(([keyword, what, isWithin]) => {
    const [from, to] = [sent[keyword], accepted[keyword]]
    if (typeof to !== 'number' || (typeof from === 'number' && isWithin(from, to))) return []
    return at.refuse(`${what} ${to} is accepted${from === undefined ? '' : `, not ${String(from)}`}`)
  })
}

export function numberRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  return boundRefusals({ ...sent, ...exclusive(sent, accepted) }, accepted, [
    ['minimum', 'at least', atLeast], ['maximum', 'at most', atMost],
    ['exclusiveMinimum', 'more than', atLeast], ['exclusiveMaximum', 'less than', atMost]
  ], at)
}

/** A value above an exclusive bound is above an inclusive one, and the other way round only when that is further in. */
function exclusive (sent: JsonSchema, accepted: JsonSchema): JsonSchema {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = sent as Readonly<Record<string, number | undefined>>
  const found: Record<string, number | undefined> = {
    minimum: minimum ?? exclusiveMinimum, maximum: maximum ?? exclusiveMaximum
  }
  const { exclusiveMinimum: above = Infinity, exclusiveMaximum: below = -Infinity } = accepted as Record<string, number>
  if (minimum !== undefined && minimum > above) found.exclusiveMinimum = minimum
  if (maximum !== undefined && maximum < below) found.exclusiveMaximum = maximum
  return found
}

export function stringRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  const { pattern } = accepted
  return [
    ...boundRefusals({ minLength: 0, ...sent }, accepted, [
      ['minLength', 'a length of at least', atLeast], ['maxLength', 'a length of at most', atMost]
    ], at),
    ...pattern === undefined || sent.pattern === pattern ? [] : at.refuse('another pattern is accepted')
  ]
}

export function arrayRefusals (sent: JsonSchema, accepted: JsonSchema, at: Comparison): readonly Refusal[] {
  return [
    ...boundRefusals({ minItems: 0, minProperties: 0, ...sent }, accepted, [
      ['minItems', 'a list of at least', atLeast], ['maxItems', 'a list of at most', atMost],
      ['minProperties', 'a number of members of at least', atLeast],
      ['maxProperties', 'a number of members of at most', atMost]
    ], at),
    ...accepted.uniqueItems === true && sent.uniqueItems !== true ? at.refuse('only different items are accepted') : [],
    ...itemRefusals(sent.items, accepted.items, at)
  ]
}

function itemRefusals (sent: unknown, accepted: unknown, at: Comparison): readonly Refusal[] {
  if (accepted === undefined) return []
  if (!Array.isArray(sent)) {
    return Array.isArray(accepted) ? at.refuse('a tuple is accepted') : at.within(sent, accepted, '*')
  }
  return sent.flatMap((item, i) => at.within(item, Array.isArray(accepted) ? accepted[i] : accepted, String(i)))
}
