import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Frame } from '../protocol/frame.ts'

/** Corks what is written during one turn of the event loop, so that a connection costs one system call a turn. */
export class Flusher {
  #dirty: Outbox[] = []
  readonly #schedule: (fn: () => void) => void

  constructor (schedule: (fn: () => void) => void = setImmediate) {
    this.#schedule = schedule
  }

  add (outbox: Outbox): void {
    if (this.#dirty.push(outbox) === 1) this.#schedule(() => this.#flush())
  }

  #flush (): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const outbox of dirty) outbox.flush()
  }
}

const text = { binary: false, compress: false }

/** The outgoing side of one connection. Frames leave in the order given, in one write for each turn. */
export class Outbox {
  readonly #webSocket: WebSocket
  readonly #transport: Socket
  readonly #flusher: Flusher
  #corked = false

  constructor (webSocket: WebSocket, transport: Socket, flusher: Flusher) {
    this.#webSocket = webSocket
    this.#transport = transport
    this.#flusher = flusher
  }

  push (frame: Frame): void {
    if (!this.#corked) this.#cork()
    this.#webSocket.send(frame, text)
  }

  flush (): void {
    this.#corked = false
    this.#transport.uncork()
  }

  #cork (): void {
    this.#corked = true
    this.#transport.cork()
    this.#flusher.add(this)
  }
}
