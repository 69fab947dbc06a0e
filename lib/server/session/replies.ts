import type { Connection } from '../../connection/connection.ts'
import { logError } from '../../logger.ts'
import type { Counters } from '../../connection/counters.ts'
import type { ProtocolErrorBudget } from '../../limits/protocol-error-budget.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { isRefusal, refusal, type ErrorPayload, type MessageError } from '../../protocol/errors.ts'
import {
  checkedSize, encodeAck, encodeOutgoing, encodeParts, type EncodedMessage, type JsonMembers
} from '../../protocol/encoding.ts'
import type { InboundMessage } from './inbound-message.ts'

/** Errors that a correct client never causes. Each counts towards closing the connection with 1008. */
const protocolErrorCodes: ReadonlySet<string> =
  new Set(['unknown_type', 'unknown_channel', 'invalid_payload', 'in_flight'])

/** What the replies of one connection need besides it. */
export interface RepliesDeps {
  readonly protocolErrors: ProtocolErrorBudget
  readonly rateLimitErrors: ProtocolErrorBudget
  readonly counters: Counters
}

/** The payload of an ack that may be large: `json` holds members that are encoded already. */
export interface LargeReply {
  readonly payload: object
  readonly json: JsonMembers
}

/** The replies of one connection: exactly one for each message, and a log line for each one that is an error. */
export class Replies {
  readonly #connection: Connection
  readonly #deps: RepliesDeps
  /** One of the ids in flight. Most connections have no other one, and V8 rebuilds a small set often. */
  #inFlight: string | undefined
  readonly #othersInFlight = new Set<string>()

  constructor (connection: Connection, deps: RepliesDeps) {
    this.#connection = connection
    this.#deps = deps
  }

  /** Accepts a message for handling. False, after refusing it, when its `correlationId` is still in flight. */
  begin (message: InboundMessage): boolean {
    const { correlationId } = message.envelope
    if (correlationId === undefined) return true
    const isInFlight = correlationId === this.#inFlight || this.#othersInFlight.has(correlationId)
    if (isInFlight) this.refuse(message, refusal('in_flight'))
    else if (this.#inFlight === undefined) this.#inFlight = correlationId
    else this.#othersInFlight.add(correlationId)
    return !isInFlight
  }

  /** @param offset of the last entry that the handler appended */
  ack (message: InboundMessage, payload?: unknown, offset?: number): void {
    const { type, channel, correlationId } = message.envelope
    // Encoded before the reply is claimed, so that a payload that cannot be encoded is still answered.
    const encoded = encodeOutgoing({ type: 'ack', channel, payload, correlationId, offset }, `the reply to '${type}'`)
    this.#sendAck(message, encoded)
  }

  /** @param payload as JSON */
  ackEncoded (message: InboundMessage, payload: string | undefined): void {
    const { type, channel, correlationId } = message.envelope
    const encoded = checkedSize(encodeAck(channel, payload, correlationId), `the reply to '${type}'`)
    this.#sendAck(message, encoded)
  }

  #sendAck (message: InboundMessage, encoded: EncodedMessage): void {
    const { correlationId } = message.envelope
    if (this.#claim(message) && correlationId !== undefined) this.#connection.send(encoded)
  }

  /** Acks a join or a `history`. Its messages are encoded already, and may exceed the send queue's limit. */
  ackLarge (message: InboundMessage, { payload, json }: LargeReply): void {
    const { channel, correlationId } = message.envelope
    if (this.#claim(message) && correlationId !== undefined) {
      this.#connection.sendRecovery(encodeParts({ type: 'ack', channel, correlationId, payload }, json))
    }
  }

  /** Sends the error, unless the message was replied to. The details of an application's error are only logged. */
  fail (message: InboundMessage, error: unknown): void {
    const reply = errorReply(message, error)
    this.#log(message.envelope, reply, error)
    if (this.#claim(message)) this.#connection.send(reply.encoded)
    this.#count(reply.payload.code)
  }

  /** Refuses a message that was not begun: its `correlationId` is not in flight, or belongs to another message. */
  refuse (message: InboundMessage, error: MessageError): void {
    const reply = errorReply(message, error)
    this.#log(message.envelope, reply, error)
    this.#connection.send(reply.encoded)
    this.#count(error.code)
  }

  /** Counts a ping frame beyond the rate, which cannot be answered with an error. */
  countExcessPing (): void {
    this.#count('rate_limited')
  }

  #claim (message: InboundMessage): boolean {
    if (!message.claimReply()) return false
    const { correlationId } = message.envelope
    if (correlationId === this.#inFlight) this.#inFlight = undefined
    else if (correlationId !== undefined) this.#othersInFlight.delete(correlationId)
    return true
  }

  /** Payloads are not logged, because they may hold secrets. */
  #log ({ type, channel, correlationId }: Envelope, { payload, isRefusal }: ErrorReply, cause: unknown): void {
    const { log } = this.#connection
    const details = { type, channel, correlationId }
    if (isRefusal) log.info({ ...details, error: payload, ...reasonOf(cause) }, 'a message was refused')
    else logError(log, details, cause, 'a handler failed')
  }

  #count (code: string): void {
    const { counters, protocolErrors, rateLimitErrors } = this.#deps
    counters.countRejection(code)
    if (protocolErrorCodes.has(code) && protocolErrors.countError()) this.#close(closeEvents.protocolErrors, code)
    if (code === 'rate_limited' && rateLimitErrors.countError()) this.#close(closeEvents.flood, code)
  }

  #close (event: CloseEvent, code: string): void {
    this.#connection.log.warn({ code }, event.reason)
    this.#connection.close(event)
  }
}

/** Why a message was refused, where its sender is not told. */
function reasonOf (error: unknown): { reason?: string } {
  const { cause } = error as MessageError
  return cause instanceof Error ? { reason: cause.message } : {}
}

interface ErrorReply {
  readonly payload: ErrorPayload
  readonly encoded: EncodedMessage
  /** Whether the message was refused on purpose. */
  readonly isRefusal: boolean
}

/** Anything can be thrown. What is no refusal, or cannot be encoded, is answered `internal`. */
function errorReply (message: InboundMessage, error: unknown): ErrorReply {
  try {
    if (isRefusal(error)) return encodedReply(message, error, true)
  } catch {
    // A proxy or a getter threw, or the details have no JSON.
  }
  return encodedReply(message, refusal('internal'), false)
}

function encodedReply (message: InboundMessage, error: MessageError, isRefusal: boolean): ErrorReply {
  const { envelope: { channel, correlationId }, appended } = message
  const payload = { ...error.payload, ...(appended !== undefined && { appended }) }
  const encoded = encodeOutgoing({ type: 'error', channel, payload, correlationId }, 'the error')
  return { payload, encoded, isRefusal }
}
