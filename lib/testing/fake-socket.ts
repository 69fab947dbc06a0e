import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

/** What a server asked its transport to do, in order. */
export type TransportCall = 'cork' | 'uncork'

/**
 * Stands in for a `ws` WebSocket on a server and for the TCP socket beneath it, as far as a connection uses them. It
 * keeps what was asked of it; what a peer would do, the test emits: `fake.emit('message', Buffer.from('{}'), false)`.
 */
export class FakeSocket extends EventEmitter {
  /** Texts of the frames sent. */
  readonly sent: string[] = []
  /** What was written past it. */
  readonly written: Buffer[] = []
  /** What `ws` shows of its sender; undefined: this is another WebSocket, past which nobody writes. */
  _sender: { _state: number, _firstFragment: boolean, _queue: unknown[] } | undefined
  /** The options each frame was sent with. */
  readonly options: object[] = []
  readonly closes: Array<{ readonly code: number, readonly reason: string }> = []
  readonly transportCalls: TransportCall[] = []
  pings = 0
  pauses = 0
  resumes = 0
  terminations = 0
  isPaused = false
  /** Whether writes stay unfinished until `drain`. */
  isSlow = false
  readonly OPEN = 1
  readonly CLOSED = 3
  readyState = 1
  #unfinished: Array<() => void> = []

  /** The fake under the type that a connection asks for. */
  get webSocket (): WebSocket {
    return this as unknown as WebSocket
  }

  /** The TCP socket beneath. */
  get transport (): Socket {
    return {
      cork: () => { this.transportCalls.push('cork') },
      uncork: () => { this.transportCalls.push('uncork') },
      write: (bytes: Buffer, done: () => void) => {
        this.written.push(bytes)
        this.#finish(done)
      }
    } as Socket
  }

  send (frame: Buffer, options: object, done: () => void = () => {}): void {
    this.sent.push(frame.toString())
    this.options.push(options)
    this.#finish(done)
  }

  #finish (done: () => void): void {
    if (this.isSlow) this.#unfinished.push(done)
    else done()
  }

  /** The peer reads on: what was written is on its way. */
  drain (): void {
    this.isSlow = false
    for (const done of this.#unfinished.splice(0)) done()
  }

  ping (): void {
    this.pings++
  }

  pause (): void {
    this.pauses++
    this.isPaused = true
  }

  resume (): void {
    this.resumes++
    this.isPaused = false
  }

  close (code: number, reason: string): void {
    this.closes.push({ code, reason })
  }

  terminate (): void {
    this.terminations++
  }
}
