import { Type, type TSchema } from '@sinclair/typebox'
import { conforms } from './schema-arbitraries.ts'

/** What a contract says of a message. */
export interface Declared { readonly payload: TSchema }

/** What a message must get, by docs/protocol.md. */
export interface ExpectedReply {
  /** For the statistics: `ack`, `joined` for that of a new join, the code of an error, or `closed`. */
  readonly kind: string
  /** Lists of what may be received: of each, all messages. */
  readonly allowed: ReadonlyArray<readonly object[]>
  /** What the handler gets. */
  readonly handled?: { readonly type: string, readonly payload: unknown }
}

type Json = Record<string, unknown>

const maxDepth = 64

/** A second opinion on what the server does with a text, for a connection that is a member of the channel `f/a`. */
export function expectedReply (text: string, declared: ReadonlyMap<string, Declared>): ExpectedReply {
  const envelope = parse(text)
  if (typeof envelope?.['type'] !== 'string' || envelope['type'] === '') return closed
  const { type, channel, payload, correlationId } = envelope as {
    type: string, channel?: string | null, payload?: unknown, correlationId?: string | null
  }
  const broken = brokenLimits(envelope)
  if (broken.length > 0) return error(broken, isText(channel, 256) ? channel : undefined, correlationId)
  if (type === 'ping') return ack(undefined, channel, correlationId)
  if (type === 'join') return joinReply(channel, payload, correlationId)
  if (channel === undefined || channel === null) return error(['unknown_type'], channel, correlationId)
  if (channel !== 'f/a') return error([isServed(channel) ? 'not_joined' : 'unknown_channel'], channel, correlationId)
  const schema = declared.get(type)?.payload
  if (!schema) return error(['unknown_type'], channel, correlationId)
  if (!conforms(schema, payload)) return error(['invalid_payload'], channel, correlationId)
  return { ...ack(payload, channel, correlationId), handled: { type, payload } }
}

/** Not a message (rule 2.14). */
const closed: ExpectedReply = { kind: 'closed', allowed: [[{ type: 'closed', code: 1008 }]] }

/** The codes of all limits that a message breaks (rule 2.13). Which of them is reported is free. */
function brokenLimits ({ type, channel, correlationId, ...rest }: Json): string[] {
  const isOptionalText = (value: unknown, max: number) => value === undefined || value === null || isText(value, max)
  const isSound = depthOf(rest) <= maxDepth && !isPolluting({ ...rest, channel, correlationId })
  return [
    ...isText(type, 128) ? [] : ['unknown_type'],
    ...isOptionalText(channel, 256) ? [] : ['unknown_channel'],
    ...isSound && isOptionalText(correlationId, 64) && !isMalformed(rest['payload']) ? [] : ['invalid_payload']
  ]
}

function isText (value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= max && value.isWellFormed()
}

function ack (payload: unknown, channel: string | null | undefined, correlationId: string | null | undefined) {
  const reply = { type: 'ack', channel: channel ?? undefined, correlationId: correlationId ?? undefined, payload }
  // As it is after a way through JSON, which has no -0 and no infinite numbers.
  return { kind: 'ack', allowed: [correlationId ?? undefined ? [JSON.parse(JSON.stringify(reply)) as object] : []] }
}

function error (
  codes: readonly string[], channel: string | null | undefined, correlationId: string | null | undefined
): ExpectedReply {
  const reply = {
    type: 'error', channel: channel ?? undefined, correlationId: isText(correlationId, 64) ? correlationId : undefined
  }
  return { kind: codes.join(' or '), allowed: codes.map((code) => [{ ...reply, code }]) }
}

const open = { additionalProperties: true }
const position = Type.Object({ epoch: Type.String(), offset: Type.Integer({ minimum: 0 }), hash: Type.String() }, open)
const joinPayload = Type.Object({ since: Type.Optional(position) }, open)

function joinReply (
  channel: string | null | undefined, payload: unknown, correlationId: string | null | undefined
): ExpectedReply {
  if (channel === 'f/a') return error(['already_joined'], channel, correlationId)
  if (!isServed(channel ?? '')) return error(['unknown_channel'], channel, correlationId)
  if (!conforms(joinPayload, payload ?? {})) return error(['invalid_payload'], channel, correlationId)
  return { ...ack({}, channel, correlationId), kind: 'joined' }
}

const isServed = (channel: string) => /^f\/[^/]+$/.test(channel)

function parse (text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : undefined
  } catch {
    return undefined
  }
}

/** Levels of arrays and objects. Without recursion, because of hostile depths. */
function depthOf (value: unknown): number {
  let depth = 0
  for (let level = [value].filter(isObject); level.length > 0 && depth <= maxDepth; depth++) {
    level = level.flatMap((item) => Object.values(item)).filter(isObject)
  }
  return depth
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function isPolluting (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { constructor } = Object.hasOwn(value, 'constructor') ? value as Json : { constructor: undefined }
  return Object.hasOwn(value, '__proto__') ||
    (typeof constructor === 'object' && constructor !== null && Object.hasOwn(constructor, 'prototype')) ||
    Object.values(value).some(isPolluting)
}

function isMalformed (value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, item]) => isMalformed(name) || isMalformed(item))
}
