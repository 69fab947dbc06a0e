import type { Connection } from '../../connection/connection.ts'
import { logError } from '../../logger.ts'
import { encodeParts } from '../../protocol/encoding.ts'
import { addressIn } from '../../protocol/envelope.ts'
import { isRefusal } from '../../protocol/errors.ts'
import type { JoinReply } from './join-replies.ts'
import type { JoinRequest, Joins } from './joins.ts'
import type { Memberships } from './memberships.ts'

/** The application's request to make a connection a member. The client learns of it by `joined`. */
class Addition implements JoinRequest {
  readonly address: string
  readonly channel: string
  readonly isAdded = true
  isTooLate = false
  readonly #connection: Connection
  readonly #done: () => void

  constructor (channel: string, connection: Connection, done: () => void) {
    this.address = addressIn(channel)
    this.channel = channel
    this.#connection = connection
    this.#done = done
  }

  get isAborted (): boolean {
    return this.isTooLate || !this.#connection.isOpen
  }

  reply ({ payload, json }: JoinReply): void {
    const { address: channel } = this
    this.#connection.sendRecovery(encodeParts({ type: 'joined', channel, payload }, json))
    this.#done()
  }
}

export interface AdditionsDeps {
  readonly connection: Connection
  readonly joins: Joins
  readonly memberships: Memberships
  /** Bounds the time that functions of the application take. */
  readonly inTime: (running: Promise<void>, onTimeout: () => void) => Promise<void>
}

/** Joins that the application asks for, and not the client. */
export class Additions {
  readonly #deps: AdditionsDeps

  constructor (deps: AdditionsDeps) {
    this.#deps = deps
  }

  /**
   * Makes the connection a member, unless it is one. Never rejects.
   *
   * @param done called with whether the connection is a member, before the application's `joined` is done
   */
  async run (channel: string, done: (isMember: boolean) => void): Promise<void> {
    const { connection, joins, memberships, inTime } = this.#deps
    if (memberships.of(channel)) return done(true)
    const addition = new Addition(channel, connection, () => done(true))
    try {
      await inTime(joins.run(addition), () => { addition.isTooLate = true })
    } catch (err) {
      this.#log(channel, err)
    }
    // It has no effect after the first call.
    done(false)
  }

  #log (channel: string, err: unknown): void {
    const { log } = this.#deps.connection
    if (isRefusal(err)) log.info({ channel, error: err.payload }, 'a connection was not added to a channel')
    else logError(log, { channel }, err, 'adding a connection to a channel failed')
  }
}
