import { parse } from 'secure-json-parse'
import { closeEvents, type CloseEvent } from './close-events.ts'

/** What travels in a text frame, in both directions. A message of the connection itself has no `channel`. */
export interface Envelope {
  readonly type: string
  readonly channel?: string | undefined
  readonly payload?: unknown
  readonly correlationId?: string | undefined
  /** From the server: where the message, or what an ack is about, stands in the channel's log. */
  readonly offset?: number | undefined
}

/** In UTF-16 units, as `String.length` counts. */
export const maxTypeLength = 128
export const maxChannelLength = 256
export const maxCorrelationIdLength = 64

/**
 * Nesting allowed in one message. 64 KB of brackets nested 32,000 deep parse, but break `JSON.stringify` and every
 * recursive validator with a stack overflow.
 */
export const maxDepth = 64

/** A frame that is no envelope: the connection that sent it is closed with `event`. */
export class BadEnvelope extends Error {
  readonly event: CloseEvent

  constructor (event: CloseEvent) {
    super(event.reason)
    this.event = event
  }
}

/**
 * Reads one text frame from an untrusted peer.
 * @throws {BadEnvelope} when it is not JSON, nested too deep, carries `__proto__` or `constructor.prototype` keys, or is
 *   not an envelope. Members the protocol does not know are ignored.
 */
export function readEnvelope (text: string): Envelope {
  const value = parseJson(text)
  if (!isEnvelope(value)) throw new BadEnvelope(closeEvents.notEnvelope)
  return value
}

function parseJson (text: string): unknown {
  if (isDeep(text)) throw new BadEnvelope(closeEvents.notEnvelope)
  try {
    return parse(text)
  } catch {
    throw new BadEnvelope(closeEvents.notJson)
  }
}

function isEnvelope (value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false
  const { type, channel, correlationId } = value as Record<string, unknown>
  return isShort(type, maxTypeLength) &&
    (channel === undefined || isShort(channel, maxChannelLength)) &&
    (correlationId === undefined || isShort(correlationId, maxCorrelationIdLength))
}

function isShort (value: unknown, max: number): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= max
}

/** Counts brackets without parsing; brackets inside strings do not count. */
function isDeep (text: string): boolean {
  if (text.length <= 2 * maxDepth) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) inString = !inString
    else if (inString) { if (c === backslash) i++ } else if (isOpening(c)) { if (++depth > maxDepth) return true } else if (isClosing(c)) depth--
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const isOpening = (c: number) => c === 0x5b || c === 0x7b
const isClosing = (c: number) => c === 0x5d || c === 0x7d
