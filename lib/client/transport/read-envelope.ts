import type { Envelope } from '../../protocol/envelope.ts'

/**
 * The envelope in what the server sent, or undefined when there is none. A client talks to its own server, so nothing is
 * checked that a later server might do differently; but whatever comes, nothing here throws.
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

/** A property of a value that may be anything. */
export function propertyOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
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

/** A property that is a list, else an empty one. */
export function listOf (value: unknown, name: string): readonly unknown[] {
  const list = propertyOf(value, name)
  return Array.isArray(list) ? list : []
}
