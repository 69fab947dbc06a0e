import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../lib/clock.ts'
import { Deadlines } from '../../lib/deadlines.ts'
import { UpgradeUndecided } from '../errors.ts'
import { rawAnswer } from './raw-answer.ts'
import { destroy, destroyAfterWrites } from './upgrade-requests.ts'

const undecided = new UpgradeUndecided()
const unavailable = rawAnswer(undecided, undecided.retryAfter)

/**
 * Gives each upgrade a deadline. Node never closes the socket of an upgrade by itself: unless somebody upgrades or
 * destroys it, its file descriptor leaks and `server.close()` waits for it without end. This happens when a request
 * fails outside Fastify's hooks (`/%zz`, a param that is too long) or when a hook replies before @fastify/websocket
 * sees the request, or never replies.
 */
export class UpgradeGuard {
  readonly #deadlines: Deadlines<Socket>
  /** What each socket has written before. */
  readonly #pending = new Map<Socket, number>()
  /** One listener for all sockets. */
  readonly #closed: (this: Socket) => void
  #isClosed = false

  constructor (webSocketRequests: Server, deadlineMs: number, clock: Clock) {
    this.#deadlines = new Deadlines(clock, deadlineMs, (socket) => this.#expire(socket))
    const release = (socket: Socket) => this.release(socket)
    this.#closed = function () { release(this) }
    const watch = (_request: IncomingMessage, socket: Socket) => this.#watch(socket)
    webSocketRequests.prependListener('upgrade', watch as (request: IncomingMessage, socket: Duplex) => void)
  }

  /** Ends the deadline of a socket that was upgraded or closed. */
  release (socket: Socket): void {
    if (!this.#pending.delete(socket)) return
    this.#deadlines.end(socket)
    socket.removeListener('close', this.#closed).removeListener('end', destroy)
  }

  /** Refuses pending and future upgrades, because the server closes. */
  close (): void {
    this.#isClosed = true
    this.#deadlines.close()
    for (const socket of this.#pending.keys()) this.#expire(socket)
  }

  #watch (socket: Socket): void {
    this.#deadlines.begin(socket)
    this.#pending.set(socket, socket.bytesWritten)
    socket.on('close', this.#closed).on('end', destroy)
    // Nobody reads the socket of an upgrade under way, so nobody would notice that the client gave up.
    socket.read(0)
    if (this.#isClosed) this.#expire(socket)
  }

  /** A socket that has its answer already gets no second one. */
  #expire (socket: Socket): void {
    if (socket.bytesWritten === this.#pending.get(socket)) socket.write(unavailable)
    destroyAfterWrites(socket)
  }
}
