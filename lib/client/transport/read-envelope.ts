import type { Envelope } from '../../protocol/envelope.ts'

/**
 * The envelope in the data of a frame, or undefined when there is none. Unknown properties are accepted, so that a
 * later server can add some. This function never throws.
 */
export function readEnvelope (data: unknown): Envelope | undefined {
  const value = parseJson(data)
  return textOf(value, 'type') !== undefined ? value as Envelope : undefined
}

function parseJson (data: unknown): unknown {
  try {
    return JSON.parse(data as string)
  } catch {
    return undefined
  }
}

/** A property of a value of any type; undefined when the value has none. */
export function propertyOf (value: unknown, name: string): unknown {
  return (value as Readonly<Record<string, unknown>> | null | undefined)?.[name]
}

/** A property that is a string, else undefined. */
export function textOf (value: unknown, name: string): string | undefined {
  const text = propertyOf(value, name)
  return typeof text === 'string' ? text : undefined
}

/** A property that is a number, else undefined. */
export function numberOf (value: unknown, name: string): number | undefined {
  const number = propertyOf(value, name)
  return typeof number === 'number' ? number : undefined
}

/** A longer wait overflows the timers of JavaScript, which then fire at once. */
export const maxWaitMs = 2 ** 31 - 1

/** A property that says how long to wait, in milliseconds, else undefined. */
export function waitOf (value: unknown, name: string): number | undefined {
  const ms = numberOf(value, name) ?? -1
  return ms < 0 ? undefined : Math.min(ms, maxWaitMs)
}

/** A property that is a list, else an empty one. */
export function listOf (value: unknown, name: string): readonly unknown[] {
  const list = propertyOf(value, name)
  return Array.isArray(list) ? list : []
}
