import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../lib/clock.ts'
import type { HttpSocket } from './upgrade-requests.ts'

/** What a client gets to complete a request that it has begun to send, in milliseconds. */
const graceMs = 500

/**
 * The sockets that may wait for a request when the server closes. Node closes those that had one before, once. One that
 * has sent nothing yet, or a part of a request, would keep `app.close()` waiting without end, because Node's timeouts
 * end with `server.close()`. One that gets its last answer meanwhile would keep it waiting for 72 s.
 */
export class WaitingSockets {
  readonly #sockets = new Set<HttpSocket>()
  readonly #server: Server
  readonly #clock: Clock
  /** One listener for all sockets. */
  readonly #closed: (this: Socket) => void
  #timer: Timer

  constructor (server: Server, clock: Clock) {
    this.#server = server
    this.#clock = clock
    const release = (socket: Socket) => this.release(socket)
    this.#closed = function () { release(this) }
    // The socket of a TLS connection is another one than that below it, which has no parser.
    for (const event of ['connection', 'secureConnection']) server.on(event, (socket: Socket) => this.#watch(socket))
  }

  /** A socket that was upgraded or closed. */
  release (socket: Socket): void {
    if (this.#sockets.delete(socket)) socket.removeListener('close', this.#closed)
  }

  /** Closes those without a request until the server is closed, so that answers under way are sent first. */
  closeAll (): void {
    // A server that does not listen has no sockets, and no end.
    if (!this.#server.listening) return
    this.#server.once('close', () => this.#clock.clearTimeout(this.#timer))
    this.#closeSoon()
  }

  #closeSoon (): void {
    this.#timer = this.#clock.setTimeout(() => {
      for (const socket of this.#sockets) if (socket.parser && !socket._httpMessage) socket.destroy()
      this.#closeSoon()
    }, graceMs)
  }

  /** A socket whose upgrade was ignored comes a second time. */
  #watch (socket: Socket): void {
    this.release(socket)
    this.#sockets.add(socket)
    socket.on('close', this.#closed)
  }
}
