import type { Connection } from '../../connection/connection.ts'
import { logError } from '../../logger.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { LeaveReason } from '../implement.ts'
import type { ConnectionContext, ConnectionFunctions } from '../route.ts'
import type { Membership } from '../memberships/membership.ts'
import { ConnectionHandlerContext } from '../messages/connection-context.ts'
import type { Recipient } from './message-handler.ts'
import type { ReceiveQueue, Task } from './receive-queue.ts'

export interface LifecycleDeps {
  readonly connection: Connection
  readonly route: ConnectionFunctions
  /** The connection's own contract; undefined where the route has none. */
  readonly own: () => Recipient | undefined
  readonly receiveQueue: ReceiveQueue
  /** Bounds the time that a function of the application takes. */
  readonly inTime: (running: Promise<void>) => Promise<void>
}

/** The queue of messages that arrive before `connected` is done. It is no address. */
const beforeConnected = Symbol('before connected')

/** How a connection ended whose peer sent no close frame (RFC 6455 section 7.1.5). */
const lost: CloseEvent = { code: 1006, reason: '' }

/** The application's functions about the life of one connection, in order: connected, left, disconnected. */
export class Lifecycle {
  readonly #deps: LifecycleDeps
  #context: ConnectionContext | undefined
  /** Resolves when `connected` is done, and never rejects; undefined when there is nothing to wait for. */
  #connecting: Promise<void> | undefined

  constructor (deps: LifecycleDeps) {
    this.#deps = deps
  }

  /** Calls the route's `connected`; for a route with that function or `disconnected`. */
  connect (): void {
    const { connection, route: { connected }, own, inTime } = this.#deps
    // The application's types are known to the application only.
    const context = new ConnectionHandlerContext(connection, own) as unknown as ConnectionContext
    this.#context = context
    if (!connected) return
    this.#connecting = inTime((async () => connected(context))())
      .catch((err) => {
        logError(connection.log, {}, err, 'connected() failed: the connection is closed')
        connection.close(closeEvents.failed)
      })
      .finally(() => { this.#connecting = undefined })
  }

  /**
   * Queues the handling of a message. Until `connected` is done, messages wait in a queue of their own, because it may
   * await that the connection is added to a channel.
   */
  enqueue (channel: string, task: Task): void {
    const { receiveQueue } = this.#deps
    const connecting = this.#connecting
    if (!connecting) return receiveQueue.push(channel, task)
    receiveQueue.push(beforeConnected, () => connecting.then(() => receiveQueue.push(channel, task)))
  }

  /** Calls left() in the channel's queue, so that a running handler finishes first. Never rejects. */
  leave (membership: Membership, reason: LeaveReason): Promise<void> {
    return this.#queue(membership.address, () => membership.left(reason), 'left() failed')
  }

  /** Calls the route's `disconnected` once all of `lefts` are done; undefined where there is none to call. */
  disconnect (lefts: ReadonlyArray<Promise<void>>, event: CloseEvent | undefined): Promise<void> | undefined {
    const { route: { disconnected }, connection: { closeEvent } } = this.#deps
    const context = this.#context
    if (!disconnected || !context) return undefined
    const reason = closeEvent ?? event ?? lost
    return Promise.all(lefts)
      .then(() => this.#queue('', async () => disconnected(context, reason), 'disconnected() failed'))
  }

  #queue (channel: string, run: () => Promise<void>, failure: string): Promise<void> {
    const { receiveQueue, connection, inTime } = this.#deps
    const details = channel === '' ? {} : { channel }
    return new Promise((resolve) => receiveQueue.push(channel, () => {
      return inTime(run()).catch((err) => logError(connection.log, details, err, failure)).then(resolve)
    }))
  }
}
