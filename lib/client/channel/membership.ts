import type { Recovery } from '../../protocol/history.ts'
import { isTemporary, type Failure, type RequestError } from '../request-error.ts'
import type { Presence, PresenceMessage } from './presence.ts'
import type { ConnectionState } from '../requests/client-events.ts'
import type { IdempotentChannel } from '../requests/idempotent-channel.ts'
import type { Requests } from '../requests/requests.ts'
import { Backoff, maxWaitMs } from '../transport/backoff.ts'
import type { Connection } from '../transport/connection.ts'
import { deliver, type Handle } from './handle.ts'
import { Handles } from './handles.ts'
import { HistoryPosition, messagesOf, resyncIn, type Ack, type Received } from './history-position.ts'

/**
 * The membership in one channel, shared by all handles of it. The channel is joined on every new connection until the
 * last handle leaves, the server refuses or removes the client. A later handle gets the state that the first one got.
 */
export class Membership implements IdempotentChannel {
  readonly address: string
  /** The message types that are declared `idempotent`, according to the ack of the join. */
  idempotent: readonly string[] = []
  readonly presence: Presence | undefined
  readonly #position = new HistoryPosition()
  /** The connection on which it is joined. */
  connection: Connection | undefined
  hasEnded = false
  /** The id of the connection that the next join replaces. */
  replaces: string | undefined
  readonly #requests: Requests
  /** Called when `isRejoining` or `hasEnded` may have changed. */
  readonly #changed: () => void
  readonly #handles: Handles
  readonly #backoff: Backoff
  #wasJoined = false

  constructor (requests: Requests, address: string, changed: () => void) {
    this.#requests = requests
    this.address = address
    this.#changed = changed
    this.presence = requests.steps.presence?.((...change) => this.#handles.take('presence', ...change))
    this.#backoff = new Backoff(requests.deps)
    this.#handles = new Handles(requests, this)
  }

  get isJoined (): boolean { return this.connection !== undefined }
  /** Whether the channel was joined before and waits to be joined again. */
  get isRejoining (): boolean { return this.#wasJoined && !this.isJoined && !this.hasEnded }

  /** Whether the server added the client, and no handle was made of it. */
  get isUnclaimed (): boolean { return this.#handles.size === 0 }

  get canSend (): boolean { return this.isJoined && !this.#backoff.isWaiting }

  /** Messages that fail together are one failure, or the wait would double with each of them. */
  delay (afterMs: number | undefined): void {
    if (this.#backoff.isWaiting) this.#backoff.extend(afterMs)
    else this.#backoff.retry(() => this.#resume(), afterMs)
  }

  answered (): void { if (!this.#backoff.isWaiting) this.#backoff.reset() }

  /** Adds a handle. It is started now, or with its own state or the next ack of a join. */
  add (handle: Handle): void {
    this.#handles.add(handle)
    if (this.isJoined) this.#handles.start(this.#position.since)
  }

  /** Removes a handle. The last one leaves; resolves when the server has answered, or at once without a connection. */
  async remove (handle: Handle): Promise<void> {
    if (!this.#handles.delete(handle) || this.#handles.size > 0 || this.hasEnded) return
    this.#stop()
    await new Promise((resolve) => {
      this.#requests.request({ ...this.#subject, type: 'leave' }, { resolve, reject: resolve })
    })
  }

  refuse (handle: Handle, error: RequestError): void {
    this.remove(handle)
    handle.ended(error)
  }

  /** Takes a new state of the connection. Only handles that are started outlive a closed client. */
  follow (state: ConnectionState): void {
    this.connection = undefined
    this.#backoff.stop()
    if (state === 'open') this.join()
    if (state !== 'closed') return
    const error = this.#requests.failure(this.#subject)
    for (const handle of [...this.#handles]) handle.isStarted ? handle.flush() : this.refuse(handle, error)
    if (this.isUnclaimed) this.#stop()
  }

  isGap (message: Received): boolean { return this.#position.orderOf(message) === 'gap' }

  /** Takes a message of the server. Without a membership it was sent before a leave or a loss of the connection. */
  receive (message: Received): void {
    if (!this.isJoined) return
    const { type, payload } = message
    if (type === 'presence') this.presence?.change(payload as PresenceMessage)
    else if (type === 'left') this.#end(this.#requests.failure(this.#subject, (payload as Failure).code))
    else if (type === 'resync') this.#resync(payload as Recovery)
    else if (type !== 'joined') {
      const order = this.#position.advance(message)
      if (order === 'gap') this.#rejoin()
      if (order === 'next') deliver(message, this.#handles.started)
    }
  }

  get #subject () { return { type: 'join', channel: this.address } }

  /** Joins on the open connection, also while it is joined on another one. */
  join (): void {
    const { connection } = this.#requests
    const { replaces } = this
    const { since } = this.#position
    const payload = (since ?? replaces) && { since, replaces }
    this.#requests.request({ ...this.#subject, payload }, {
      resolve: (ack) => this.enter(ack as Ack, connection),
      reject: (error) => this.#applyRefusal(error)
    }, this.#wasJoined ? undefined : maxWaitMs) // The callers of a first join have time limits of their own.
  }

  /** Takes the ack of a join, or the payload of `joined`. */
  enter (ack: Ack, connection: Connection | undefined): void {
    if (this.hasEnded) return
    const isRecovered = ack?.recovered === true
    this.#backoff.reset()
    this.#wasJoined = true
    const wasJoined = this.isJoined // On another connection, which is in use still.
    this.connection = connection
    this.idempotent = ack?.idempotent ?? []
    if (!wasJoined) this.presence?.replace(ack)
    if (!isRecovered) this.#resync(ack, this.#handles.waiting)
    else for (const message of messagesOf(ack)) this.receive(message)
    // A listener may have left the channel, or an entry may have been missing.
    if (!this.isJoined) return
    if (isRecovered && !wasJoined) this.#handles.take('ack')
    this.#changed()
    this.#resume()
    this.#requests.events.call('joined', this, ack)
  }

  #resume (): void {
    this.#handles.start(this.#position.since)
    this.#requests.sendWaiting()
  }

  /** Replaces the position by the one that the server sent, and delivers the messages after it. */
  #resync (recovery: Ack, waiting: readonly Handle[] = []): void {
    const resync = resyncIn(recovery)
    const { started } = this.#handles
    if (resync) this.#position.reset(resync.position, messagesOf(recovery)[0])
    for (const handle of waiting) handle.start(recovery)
    if (!resync) return
    for (const handle of started) handle.take('resync', resync)
    for (const message of messagesOf(recovery)) this.receive(message)
  }

  /** A join that was lost with its connection is repeated on the next connection. */
  #applyRefusal (error: RequestError): void {
    if (this.hasEnded || !this.#requests.isOpen) return
    if (error.code === 'disconnected') this.join()
    else if (this.#wasJoined && isTemporary(error)) this.#rejoin(error.retryAfter)
    else this.#end(error)
  }

  /** Joins again after a wait. The effect of the join before may be unknown, so a leave comes first. */
  #rejoin (afterMs?: number): void {
    if (this.connection === this.#requests.connection) this.connection = undefined
    this.#backoff.retry(() => {
      this.#requests.connection?.leave(this.address)
      this.join()
    }, afterMs)
    this.#changed()
  }

  #end (error: RequestError): void {
    this.#stop(error)
    for (const handle of [...this.#handles]) this.refuse(handle, error)
  }

  #stop (error?: RequestError): void {
    this.hasEnded = true
    this.connection = undefined
    this.#backoff.stop()
    this.#requests.rejectWaiting(this)
    this.#changed()
    this.#requests.events.call('left', this, error)
  }
}
