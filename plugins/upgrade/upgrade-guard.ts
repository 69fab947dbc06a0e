import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock, Timer } from '../../lib/clock.ts'

interface Pending { readonly timer: Timer, readonly written: number }

const unavailable = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n'

/**
 * Node hands an upgrade's socket over for good: when nothing upgrades it and nothing destroys it, its file descriptor is
 * lost, and `server.close()` waits for it for ever. That happens to whatever fails outside Fastify's hooks: `/%zz`, a
 * param that is too long, a hook that answers before `@fastify/websocket` sees the request, or one that never does. So
 * each upgrade has a deadline.
 */
export class UpgradeGuard {
  readonly #pending = new Map<Socket, Pending>()
  readonly #clock: Clock
  #closed = false

  constructor (app: FastifyInstance, deadline: number, clock: Clock) {
    this.#clock = clock
    app.server.prependListener('upgrade', (_request: IncomingMessage, socket: Socket) => this.#watch(socket, deadline))
  }

  /** The socket has been upgraded, or is gone. */
  release (socket: Socket): void {
    this.#clock.clearTimeout(this.#pending.get(socket)?.timer)
    this.#pending.delete(socket)
  }

  /** The server is ending: what is under way is refused, and so is what comes now. */
  close (): void {
    this.#closed = true
    for (const socket of this.#pending.keys()) this.#expire(socket)
  }

  #watch (socket: Socket, deadline: number): void {
    this.#pending.set(socket, {
      timer: this.#clock.setTimeout(() => this.#expire(socket), deadline),
      written: socket.bytesWritten
    })
    socket.once('close', () => this.release(socket))
    if (this.#closed) this.#expire(socket)
  }

  /** Who has been answered already is not answered again. */
  #expire (socket: Socket): void {
    if (socket.bytesWritten === this.#pending.get(socket)?.written) socket.write(unavailable)
    socket.destroySoon()
  }
}
