import { parse } from 'secure-json-parse'
import { closeEvents, type CloseEvent } from './close-events.ts'
import {
  isWellFormed, malformedPath, maxTypeLength, maxChannelLength, maxCorrelationIdLength, maxDepth, notWellFormed,
  type Envelope
} from './envelope.ts'
import { refusal, type MessageError } from './errors.ts'

/** A text frame that is not an envelope. The server closes the connection with `event`. */
export class BadEnvelope extends Error {
  readonly event: CloseEvent

  constructor (event: CloseEvent) {
    super(event.reason)
    this.event = event
  }
}

/** An envelope that gets an error instead of being handled. It lacks the members that an answer must not repeat. */
export class RefusedEnvelope extends Error {
  readonly envelope: Envelope
  readonly refusal: MessageError

  constructor (envelope: Envelope, refusal: MessageError) {
    super(refusal.message)
    this.envelope = envelope
    this.refusal = refusal
  }
}

/**
 * Reads one text frame from an untrusted connection.
 * Members that the protocol does not define are ignored.
 * @throws {BadEnvelope} for invalid JSON, too deep nesting, the keys `__proto__` or `constructor.prototype`, or another
 *   value than an envelope.
 * @throws {RefusedEnvelope} for a string that is not well-formed, in the payload also as a name.
 */
export function readEnvelope (text: string): Envelope {
  const value = withoutNull(parseJson(text))
  if (!isEnvelope(value)) throw new BadEnvelope(closeEvents.notEnvelope)
  if (surrogateEscape.test(text)) requireWellFormed(value)
  return value
}

/** A frame is valid UTF-8, so a lone surrogate can only be written as an escape. */
const surrogateEscape = /\\u[Dd][89A-Fa-f]/

/** @throws {RefusedEnvelope} */
function requireWellFormed ({ type, channel, payload, correlationId }: Envelope): void {
  const isValid = (text: string | undefined) => text === undefined || isWellFormed(text)
  const answered = { type: isValid(type) ? type : '', ...(isValid(correlationId) && { correlationId }) }
  if (!isValid(type)) throw new RefusedEnvelope(answered, refusal('unknown_type'))
  if (!isValid(channel)) throw new RefusedEnvelope(answered, refusal('unknown_channel'))
  const path = isValid(correlationId) ? malformedPath(payload) : ''
  if (path === undefined) return
  throw new RefusedEnvelope({ ...answered, channel }, refusal('invalid_payload', { path, message: notWellFormed }))
}

function parseJson (text: string): unknown {
  if (isDeep(text)) throw new BadEnvelope(closeEvents.notEnvelope)
  try {
    return parse(text)
  } catch {
    throw new BadEnvelope(closeEvents.notJson)
  }
}

/** `null` is the absence of a channel or a correlationId, because some languages write absent members so. */
function withoutNull (value: unknown): unknown {
  const { channel, correlationId } = (value ?? {}) as Record<string, unknown>
  if (channel !== null && correlationId !== null) return value
  return { ...value as object, channel: channel ?? undefined, correlationId: correlationId ?? undefined }
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
    else if (inString) i += Number(c === backslash)
    else if (isOpening(c)) depth++
    else if (isClosing(c)) depth--
    if (depth > maxDepth) return true
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const isOpening = (c: number) => c === 0x5b || c === 0x7b
const isClosing = (c: number) => c === 0x5d || c === 0x7d
