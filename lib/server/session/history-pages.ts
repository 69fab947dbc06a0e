import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Connection } from '../../connection/connection.ts'
import { historyPayload } from '../../contract/wire/wire-schemas.ts'
import { jsonList, withPosition } from '../../protocol/encoding.ts'
import { refusal } from '../../protocol/errors.ts'
import type { Membership } from '../memberships/membership.ts'
import type { Memberships } from '../memberships/memberships.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { Replies } from './replies.ts'

/** The members of the payload of a `history`. */
interface PageRequest {
  readonly before?: number
  readonly limit?: number
  readonly epoch?: string
}

/**
 * Answers `history` for the channels of one connection. It reads one page at a time, and the next one when the client
 * takes the one before, so a connection holds one page of the node's memory, however many it asks for.
 */
export class HistoryPages {
  readonly #connection: Connection
  readonly #memberships: Memberships
  readonly #replies: Replies
  #last: Promise<void> | undefined

  constructor (connection: Connection, memberships: Memberships, replies: Replies) {
    this.#connection = connection
    this.#memberships = memberships
    this.#replies = replies
  }

  /**
   * @throws {MessageError} `invalid_payload`, `no_history`, `epoch_changed`, `unavailable`; `not_joined` when the
   *   membership ended meanwhile
   */
  answer (message: InboundMessage, member: Membership): Promise<void> {
    if (!member.served.compiled.history) throw refusal('no_history')
    const request = requestIn(message.envelope.payload)
    const answering = (this.#last ?? Promise.resolve()).then(() => this.#answer(message, member, request))
    this.#last = answering.catch(() => {})
    return answering
  }

  async #answer (message: InboundMessage, member: Membership, { before, limit, epoch }: PageRequest): Promise<void> {
    await this.#untilTaken()
    if (message.isAborted) return
    const { position, entries, hasMore } = await member.context.publisher.history.readPage(before, limit)
    if (epoch !== undefined && epoch !== position.epoch) throw refusal('epoch_changed')
    await this.#untilTaken()
    if (this.#memberships.get(member.address) !== member) throw refusal('not_joined')
    const messages = jsonList(entries.map((entry) => withPosition(entry.encoded, entry)))
    this.#replies.ackLarge(message, { payload: { position, hasMore }, json: { messages } })
  }

  /** Large messages to a connection go one after another. */
  async #untilTaken (): Promise<void> {
    while (this.#connection.whenRecoveryTaken) await this.#connection.whenRecoveryTaken
  }
}

const check = TypeCompiler.Compile(historyPayload)

/** @throws {MessageError} `invalid_payload` */
function requestIn (payload: unknown): PageRequest {
  const given = payload ?? {}
  const issue = check.Errors(given).First()
  if (issue) throw refusal('invalid_payload', { path: issue.path, message: issue.message })
  return given
}
