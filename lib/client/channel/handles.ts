import type { Position } from '../../protocol/position.ts'
import { isTemporary, type RequestError } from '../request-error.ts'
import type { Requests } from '../requests/requests.ts'
import { deliver, type Handle } from './handle.ts'
import { messagesOf, type Ack } from './history-position.ts'

interface Joined {
  readonly address: string
  readonly isJoined: boolean
  delay (afterMs: number | undefined): void
  refuse (handle: Handle, error: RequestError): void
}

/** The handles of one channel. The server sends the history, if there is one, once for all that are added later. */
export class Handles extends Set<Handle> {
  readonly #requests: Requests
  readonly #channel: Joined
  /** A request for the history is under way. */
  #isAsking = false

  constructor (requests: Requests, channel: Joined) {
    super()
    this.#requests = requests
    this.#channel = channel
  }

  get started (): readonly Handle[] {
    return [...this].filter((handle) => handle.isStarted)
  }

  /** Those that have no state yet. */
  get waiting (): readonly Handle[] {
    return [...this].filter((handle) => !handle.isStarted)
  }

  /** Gives an event to those that are started. */
  take (...args: Parameters<Handle['take']>): void {
    for (const handle of this.started) handle.take(...args)
  }

  /** Starts those that wait in a joined channel, with the history where it has a position in one. */
  start (position: Position | undefined): void {
    if (!position) for (const handle of this.waiting) handle.start()
    if (this.#isAsking || this.waiting.length === 0) return
    this.#isAsking = true
    this.#requests.request({ type: 'join', channel: this.#channel.address, payload: { again: true } }, {
      resolve: (ack) => this.#answered(ack as Ack),
      reject: (error) => this.#refused(error)
    })
  }

  #answered (ack: Ack): void {
    this.#isAsking = false
    const { waiting } = this
    if (!this.#channel.isJoined) return // Where an entry is missing, they start with the ack of the next join.
    for (const handle of waiting) handle.start(ack)
    for (const message of messagesOf(ack)) deliver(message, waiting)
  }

  #refused (error: RequestError): void {
    this.#isAsking = false
    if (!this.#requests.isOpen) return
    if (isTemporary(error)) this.#channel.delay(error.retryAfter)
    else for (const handle of this.waiting) this.#channel.refuse(handle, error)
  }
}
