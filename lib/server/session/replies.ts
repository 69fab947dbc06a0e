import type { Connection } from '../../connection/connection.ts'
import type { Counters } from '../../connection/counters.ts'
import type { ProtocolErrorBudget } from '../../limits/protocol-error-budget.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { MessageError, refusal } from '../../protocol/errors.ts'
import { encodeEnvelope, encodeEnvelopeWith } from '../../protocol/encoding.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { JoinReply } from './joins.ts'

/** Errors that a correct client never causes. Each counts towards closing the connection with 1008. */
const protocolErrorCodes: ReadonlySet<string> =
  new Set(['unknown_type', 'unknown_channel', 'invalid_payload', 'in_flight'])

/** What the replies of one connection need besides it. */
export interface RepliesDeps {
  readonly protocolErrors: ProtocolErrorBudget
  readonly rateLimitErrors: ProtocolErrorBudget
  readonly counters: Counters
}

/** The replies of one connection: exactly one for each message, and a log line for each one that is an error. */
export class Replies {
  readonly #connection: Connection
  readonly #deps: RepliesDeps
  readonly #inFlight = new Set<string>()

  constructor (connection: Connection, deps: RepliesDeps) {
    this.#connection = connection
    this.#deps = deps
  }

  /** Accepts a message for handling. False, after refusing it, when its `correlationId` is still in flight. */
  begin (message: InboundMessage): boolean {
    const { correlationId } = message.envelope
    if (correlationId === undefined) return true
    const isInFlight = this.#inFlight.has(correlationId)
    if (isInFlight) this.refuse(message, refusal('in_flight'))
    else this.#inFlight.add(correlationId)
    return !isInFlight
  }

  /** @param offset of the last entry that the handler appended */
  ack (message: InboundMessage, payload?: unknown, offset?: number): void {
    if (!this.#claim(message)) return
    const { channel, correlationId } = message.envelope
    if (correlationId === undefined) return
    this.#connection.send(encodeEnvelope({ type: 'ack', channel, payload, correlationId, offset }))
  }

  /** Acks a join. Its messages and snapshot are encoded already, and may exceed the send queue's limit. */
  ackJoin (message: InboundMessage, { payload, json }: JoinReply): void {
    const { channel, correlationId } = message.envelope
    if (this.#claim(message) && correlationId !== undefined) {
      this.#connection.sendRecovery(encodeEnvelopeWith({ type: 'ack', channel, correlationId, payload }, json))
    }
  }

  /** Sends the error, unless the message was replied to. The details of an application's error are only logged. */
  fail (message: InboundMessage, error: unknown): void {
    const known = error instanceof MessageError ? error : refusal('internal')
    this.#log(message.envelope, known, error)
    if (this.#claim(message)) this.#sendError(message.envelope, known)
    this.#count(known.code)
  }

  /** Refuses a message that was not begun: its `correlationId` is not in flight, or belongs to another message. */
  refuse ({ envelope }: InboundMessage, error: MessageError): void {
    this.#log(envelope, error, error)
    this.#sendError(envelope, error)
    this.#count(error.code)
  }

  /** Counts a ping frame beyond the rate, which cannot be answered with an error. */
  countExcessPing (): void {
    this.#count('rate_limited')
  }

  #claim (message: InboundMessage): boolean {
    if (!message.claimReply()) return false
    const { correlationId } = message.envelope
    if (correlationId !== undefined) this.#inFlight.delete(correlationId)
    return true
  }

  #sendError ({ channel, correlationId }: Envelope, { payload }: MessageError): void {
    this.#connection.send(encodeEnvelope({ type: 'error', channel, payload, correlationId }))
  }

  /** Payloads are not logged, because they may hold secrets. */
  #log ({ type, channel, correlationId }: Envelope, known: MessageError, cause: unknown): void {
    const details = { type, channel, correlationId }
    if (known === cause) this.#connection.log.info({ ...details, error: known.payload }, 'a message was refused')
    else this.#connection.log.error({ ...details, err: cause }, 'a handler failed')
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
