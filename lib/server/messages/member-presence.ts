import { newId } from '../../new-id.ts'
import type { Connection } from '../../connection/connection.ts'
import type { CompiledPresence } from '../../contract/parts/presence.ts'
import { maxPresenceDataBytes } from '../../protocol/envelope.ts'
import { refusal, UsageError } from '../../protocol/errors.ts'
import { userOf } from '../../rooms/member.ts'
import type { Rooms } from '../../rooms/rooms.ts'

export interface MemberPresenceDeps {
  readonly connection: Connection
  readonly channel: string
  /** Undefined where the channel has no presence. */
  readonly presence: CompiledPresence | undefined
  readonly rooms: Rooms
}

/** The presence of one connection in one channel. */
export class MemberPresence {
  readonly #deps: MemberPresenceDeps
  #id = newId()

  constructor (deps: MemberPresenceDeps) {
    this.#deps = deps
  }

  /**
   * Presence counts a membership under this id, so the end of one attempt to join leaves the next attempt alone. New
   * data have a new id, because an adapter takes the data of an id once.
   */
  get id (): string {
    return this.#id
  }

  /**
   * The data, projected to their schema; undefined for a channel without presence. A copy, because data that cannot be
   * encoded, or sent, must fail here, and not for the users who would be shown them.
   *
   * @throws {UsageError} for data that are too large
   * @throws {OutgoingError} for data that break their schema
   */
  check (given: unknown): unknown {
    const { presence, channel } = this.#deps
    const data = presence?.data(given)
    if (data === undefined) return undefined
    const json = JSON.stringify(data)
    const bytes = Buffer.byteLength(json)
    if (bytes <= maxPresenceDataBytes) return JSON.parse(json) as unknown
    throw new UsageError(`the presence data for '${channel}' have ${bytes} bytes: return at most ` +
      `${maxPresenceDataBytes} from 'presence'`)
  }

  /**
   * Replaces the data, and returns them. The user stays present meanwhile: the new entry is made before the old one
   * ends.
   *
   * @throws {MessageError} `not_joined` unless the connection is a member, `unavailable`
   * @throws {UsageError} for a channel without presence, and as `check`
   */
  async update (given: unknown): Promise<unknown> {
    const { connection, channel, presence, rooms } = this.#deps
    if (!presence) throw new UsageError(`the channel '${channel}' has no presence: declare it in the contract`)
    const data = this.check(given)
    const before = this.#id
    const id = newId()
    if (!rooms.replacePresenceId(channel, connection, id)) throw refusal('not_joined')
    this.#id = id
    try {
      await rooms.enterPresence(channel, { id, userId: userOf(connection) }, data)
    } catch (err) {
      connection.log.warn({ err, channel }, 'the presence data of a member cannot be changed')
      throw refusal('unavailable')
    }
    rooms.exitPresence(channel, { id: before }, 0)
    return data
  }
}
