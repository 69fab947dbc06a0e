import type { Connection } from '../../connection/connection.ts'
import type { Counters } from '../../connection/counters.ts'
import type { ProtocolErrorBudget } from '../../limits/protocol-error-budget.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { MessageError, refusal } from '../../protocol/errors.ts'
import { encodeEnvelope, encodeEnvelopeWith } from '../../protocol/encoding.ts'
import type { InboundMessage } from './inbound-message.ts'

/** What a correct client never causes: each counts towards the connection's end. */
const violations: ReadonlySet<string> = new Set(['unknown_type', 'unknown_channel', 'invalid_payload', 'in_flight'])

/** The replies of one connection: for each message exactly one, and a log line for each that is an error. */
export class Replies {
  readonly #connection: Connection
  readonly #violations: ProtocolErrorBudget
  readonly #storm: ProtocolErrorBudget
  readonly #tally: Counters
  readonly #inFlight = new Set<string>()

  constructor (connection: Connection, violations: ProtocolErrorBudget, storm: ProtocolErrorBudget, tally: Counters) {
    this.#connection = connection
    this.#violations = violations
    this.#storm = storm
    this.#tally = tally
  }

  /** Begins an exchange; false when its id is still in flight, and the sender has been told so. */
  begin (exchange: InboundMessage): boolean {
    const { correlationId } = exchange.envelope
    if (correlationId === undefined) return true
    const isTwin = this.#inFlight.has(correlationId)
    if (isTwin) this.refuse(exchange, refusal('in_flight'))
    else this.#inFlight.add(correlationId)
    return !isTwin
  }

  ack (exchange: InboundMessage, payload?: unknown): void {
    this.#answer(exchange, 'ack', payload)
  }

  /** Lets a connection into a channel: with members that are JSON already, however large. */
  admit (exchange: InboundMessage, payload: object, json: Readonly<Record<string, Buffer>>): void {
    const { channel, correlationId } = exchange.envelope
    if (this.#settle(exchange) && correlationId !== undefined) {
      this.#connection.sendRecovery(encodeEnvelopeWith({ type: 'ack', channel, correlationId, payload }, json))
    }
  }

  /** Tells the sender what went wrong; a failure of the application's stays in the log. */
  fail (exchange: InboundMessage, error: unknown): void {
    const known = error instanceof MessageError ? error : refusal('internal')
    this.#report(exchange.envelope, known, error)
    this.#answer(exchange, 'error', known.payload)
    this.#count(known.code)
  }

  /** Something came too soon that cannot be answered. */
  excess (): void {
    this.#count('rate_limited')
  }

  #answer (exchange: InboundMessage, type: 'ack' | 'error', payload: unknown): void {
    if (!this.#settle(exchange)) return
    const { envelope, offset } = exchange
    if (envelope.correlationId !== undefined || type === 'error') this.#send(type, envelope, payload, type === 'ack' ? offset : undefined)
  }

  /** False when it has its reply already. */
  #settle (exchange: InboundMessage): boolean {
    if (exchange.answered) return false
    exchange.answered = true
    const { correlationId } = exchange.envelope
    if (correlationId !== undefined) this.#inFlight.delete(correlationId)
    return true
  }

  /** Refuses a message that is not begun: its id is not in flight, or belongs to one whose reply is still to come. */
  refuse ({ envelope }: InboundMessage, error: MessageError): void {
    this.#report(envelope, error, error)
    this.#send('error', envelope, error.payload)
    this.#count(error.code)
  }

  #send (type: 'ack' | 'error', { channel, correlationId }: Envelope, payload: unknown, offset?: number): void {
    this.#connection.send(encodeEnvelope({ type, channel, payload, correlationId, offset }))
  }

  /** Payloads stay out of the log: they may hold anything. */
  #report ({ type, channel, correlationId }: Envelope, known: MessageError, cause: unknown): void {
    const message = { type, channel, correlationId }
    if (known === cause) this.#connection.log.info({ ...message, error: known.payload }, 'a message was refused')
    else this.#connection.log.error({ ...message, err: cause }, 'a handler failed')
  }

  #count (code: string): void {
    this.#tally.countRejection(code)
    if (violations.has(code) && this.#violations.countError()) this.#end(closeEvents.protocolErrors, code)
    if (code === 'rate_limited' && this.#storm.countError()) this.#end(closeEvents.flood, code)
  }

  #end (event: CloseEvent, code: string): void {
    this.#connection.log.warn({ code }, event.reason)
    this.#connection.close(event)
  }
}
