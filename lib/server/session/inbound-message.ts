import type { Connection } from '../../connection/connection.ts'
import { closeEvents } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { MessageError } from '../../protocol/errors.ts'
import type { AppendProgress } from '../messages/idempotent-messages.ts'
import { BadEnvelope, readEnvelope, RefusedEnvelope } from '../../protocol/read-envelope.ts'

/** One message of a connection, from its arrival to its one reply. */
export class InboundMessage {
  readonly envelope: Envelope
  /** The error that answers a message which must not be handled. */
  readonly refusal: MessageError | undefined
  #progress: AppendProgress | undefined
  #isReplied = false
  #controller: AbortController | undefined

  constructor (envelope: Envelope, refusal?: MessageError) {
    this.envelope = envelope
    this.refusal = refusal
  }

  /** The offset of the last entry that it appended to the history, in this attempt or an earlier one. */
  get appended (): number | undefined {
    return this.#progress?.offset
  }

  /** What it has appended so far. Created on demand, because most messages append nothing. */
  get progress (): AppendProgress {
    this.#progress ??= { offset: undefined }
    return this.#progress
  }

  /** All copies of an idempotent message have the progress of the one that is handled. */
  set progress (progress: AppendProgress) {
    this.#progress = progress
  }

  /** Whether handling it took too long, or its connection is closed. */
  get isAborted (): boolean {
    return this.#controller?.signal.aborted === true
  }

  /** Created on demand, because most handlers never use it. */
  get signal (): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort (): void {
    this.#controller ??= new AbortController()
    this.#controller.abort()
  }

  /** Reserves the one reply for the caller; false when the message was replied to before. */
  claimReply (): boolean {
    const isFirst = !this.#isReplied
    this.#isReplied = true
    return isFirst
  }
}

/** Reads a WebSocket message. Undefined after closing the connection of a peer that does not speak the protocol. */
export function readMessage (connection: Connection, data: Buffer, isBinary: boolean): InboundMessage | undefined {
  try {
    if (isBinary) throw new BadEnvelope(closeEvents.binary)
    return new InboundMessage(readEnvelope(data.toString()))
  } catch (error) {
    if (error instanceof RefusedEnvelope) return new InboundMessage(error.envelope, error.refusal)
    const { event } = error as BadEnvelope
    connection.log.warn({ code: event.code }, event.reason)
    connection.close(event)
  }
}
