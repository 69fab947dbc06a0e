import type { Position } from '../../protocol/position.ts'
import type { RequestError } from '../request-error.ts'
import type { Requests } from '../requests/requests.ts'
import { deliver, type Handle, type Handles } from './handle.ts'
import { messagesOf, type Ack } from './history-position.ts'

/** After these refusals of a join a further try may succeed. */
export const temporaryCodes = ['unavailable', 'timeout', 'rate_limited']

interface Joined {
  readonly address: string
  readonly isJoined: boolean
  delay (afterMs: number | undefined): void
  refuse (handle: Handle, error: RequestError): void
}

/** The handles that were added to a joined channel. The server sends the history, if there is one, once for all. */
export class LaterHandles {
  readonly #requests: Requests
  readonly #handles: Handles
  readonly #channel: Joined
  /** A request for the history is under way. */
  #isAsking = false

  constructor (requests: Requests, handles: Handles, channel: Joined) {
    this.#requests = requests
    this.#handles = handles
    this.#channel = channel
  }

  /** Starts those that wait, with the history where the channel has a position in one. */
  start (position: Position | undefined): void {
    if (!position) for (const handle of this.#handles.waiting) handle.start()
    if (this.#isAsking || this.#handles.waiting.length === 0) return
    this.#isAsking = true
    this.#requests.request({ type: 'join', channel: this.#channel.address, payload: { again: true } }, {
      resolve: (ack) => this.#answered(ack as Ack),
      reject: (error) => this.#refused(error)
    })
  }

  #answered (ack: Ack): void {
    this.#isAsking = false
    const { waiting } = this.#handles
    if (!this.#channel.isJoined) return // Where an entry is missing, they start with the ack of the next join.
    for (const handle of waiting) handle.start(ack)
    for (const message of messagesOf(ack)) deliver(message, waiting)
  }

  #refused (error: RequestError): void {
    this.#isAsking = false
    if (!this.#requests.isOpen) return
    if (temporaryCodes.includes(error.code)) this.#channel.delay(error.retryAfter)
    else for (const handle of this.#handles.waiting) this.#channel.refuse(handle, error)
  }
}
