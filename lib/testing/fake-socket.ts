import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

/** A call of `cork` or `uncork` on the TCP socket. */
export type TransportCall = 'cork' | 'uncork'

/**
 * Replaces the `ws` WebSocket of a connection and its TCP socket, as far as a connection uses them. It records each
 * call. A test emits the events of the peer.
 *
 * @example
 * fake.emit('message', Buffer.from('{}'), false)
 */
export class FakeSocket extends EventEmitter {
  /** The texts passed to `send`, in order. */
  readonly sent: string[] = []
  /** The bytes that the connection wrote to the TCP socket itself, in order. */
  readonly written: Buffer[] = []
  /**
   * The state of the sender inside `ws`. Undefined for another WebSocket implementation, with which a connection does
   * not write to the TCP socket itself.
   *
   * @default undefined
   */
  _sender: { _state: number, _firstFragment: boolean, _queue: unknown[] } | undefined
  /** The options passed to `send`, in the order of `sent`. */
  readonly options: object[] = []
  /** The codes and reasons passed to `close`, in order. */
  readonly closes: Array<{ readonly code: number, readonly reason: string }> = []
  /** The calls of `cork` and `uncork` on the TCP socket, in order. */
  readonly transportCalls: TransportCall[] = []
  /** The number of calls of `ping`. */
  pings = 0
  /** The number of calls of `pause`. */
  pauses = 0
  /** The number of calls of `resume`. */
  resumes = 0
  /** The number of calls of `terminate`. */
  terminations = 0
  /** Whether `pause` was called after the last `resume`. */
  isPaused = false
  /**
   * Whether writes stay unfinished until `drain`, as with a peer that reads slowly.
   *
   * @default false
   */
  isSlow = false
  /** The value of `readyState` while the WebSocket is open. */
  readonly OPEN = 1
  /** The value of `readyState` after the WebSocket was closed. */
  readonly CLOSED = 3
  /** The state that the connection sees. Default: open. */
  readyState = 1
  #unfinished: Array<() => void> = []

  /** This fake, with the type that a connection takes. */
  get webSocket (): WebSocket {
    return this as unknown as WebSocket
  }

  /** The TCP socket of the WebSocket. */
  get transport (): Socket {
    const unfinished = () => this.#unfinished
    return {
      get writableLength () { return unfinished().length },
      cork: () => { this.transportCalls.push('cork') },
      uncork: () => { this.transportCalls.push('uncork') },
      write: (bytes: Buffer, done: () => void = () => {}) => {
        if (bytes.length > 0) this.written.push(bytes)
        this.#finish(done)
      }
    } as Socket
  }

  /** Records one message and its options. Calls `done` at once, or at `drain` while the socket is slow. */
  send (message: Buffer, options: object, done: () => void = () => {}): void {
    this.sent.push(message.toString())
    this.options.push(options)
    this.#finish(done)
  }

  #finish (done: () => void): void {
    if (this.isSlow) this.#unfinished.push(done)
    else done()
  }

  /** Finishes the oldest unfinished write, as if the peer reads a little. Later writes stay unfinished. */
  finishOne (): void {
    this.#unfinished.shift()?.()
  }

  /** Finishes all unfinished writes, as if the peer reads again. Later writes finish at once. */
  drain (): void {
    this.isSlow = false
    for (const done of this.#unfinished.splice(0)) done()
  }

  /** Counts the call. */
  ping (): void {
    this.pings++
  }

  /** Counts the call. */
  pause (): void {
    this.pauses++
    this.isPaused = true
  }

  /** Counts the call. */
  resume (): void {
    this.resumes++
    this.isPaused = false
  }

  /** Records the call. It emits no event; a test emits `close` where the server expects one. */
  close (code: number, reason: string): void {
    this.closes.push({ code, reason })
  }

  /** Counts the call. */
  terminate (): void {
    this.terminations++
  }
}
