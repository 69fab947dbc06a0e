import type { SchemaNode } from '../schema/schema-node.ts'
import { integerBetween, type Random } from './random.ts'

/** The width of the range where the schema gives one bound at most. */
const usualRange = 100
/** Milliseconds since 1970 of a day in November 2026, for the names of times. */
const someTime = 1_795_000_000_000
const timeName = /(^at|At|[tT]ime|[tT]imestamp|until|since)$/

/** A number within the bounds of its schema. `unit`: the smallest step where the schema has no `multipleOf`. */
export function exampleNumber (node: SchemaNode, random: Random, property: string, unit: number): number {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node
  const step = multipleOf ?? unit
  const least: number | undefined = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + step)
  const most: number | undefined = maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - step)
  const start = timeName.test(property) ? someTime : 0
  const low = least ?? Math.min(start, (most ?? Infinity) - usualRange)
  const high = most ?? Math.max(low, start) + usualRange
  const steps = integerBetween(random, Math.ceil(low / step), Math.floor(high / step))
  return roundedTo(steps * step, step)
}

/** Without the error of the multiplication: 0.07 instead of 0.07000000000000001. */
function roundedTo (value: number, step: number): number {
  return Number(value.toFixed(Math.min(20, (String(step).split('.')[1] ?? '').length)))
}
