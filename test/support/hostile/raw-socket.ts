import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A TCP connection that sends exactly the bytes it is told to, and keeps all that comes back. */
export class RawSocket {
  /** Resolves once the socket is over, however it ended: hostile peers get resets as well as farewells. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #over = false

  private constructor (socket: Socket) {
    this.#socket = socket
    socket.setNoDelay()
    socket.on('error', () => {})
    socket.on('data', (chunk) => { this.#received = Buffer.concat([this.#received, chunk]) })
    this.closed = new Promise((resolve) => socket.on('close', () => { this.#over = true; resolve() }))
  }

  static async open (port: number): Promise<RawSocket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawSocket(socket)
  }

  get received (): Buffer {
    return this.#received
  }

  get isOver (): boolean {
    return this.#over
  }

  get isWritable (): boolean {
    return this.#socket.writable
  }

  write (bytes: Buffer | string): void {
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  /** Resolves when the kernel has taken the bytes, or the socket is over. */
  async flush (bytes: Buffer): Promise<void> {
    if (this.#socket.writable && !this.#socket.write(bytes)) await this.#next('drain')
  }

  /** The first thing that `read` makes of what has arrived; undefined when the socket was over before there was one. */
  async until<T> (read: (received: Buffer) => T | undefined): Promise<T | undefined> {
    for (;;) {
      const found = read(this.#received)
      if (found !== undefined || this.#over) return found
      await this.#next('data')
    }
  }

  /** Reads no more: what the server sends stays in its own buffers. */
  pause (): void {
    this.#socket.pause()
  }

  resume (): void {
    this.#socket.resume()
  }

  /** FIN: we are done, and still listen. */
  end (): void {
    this.#socket.end()
  }

  /** RST. */
  async reset (): Promise<void> {
    this.#socket.resetAndDestroy()
    await this.closed
  }

  async destroy (): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }

  /** Not `once` of node:events, which rejects when a reset comes first. */
  #next (event: 'data' | 'drain'): Promise<void> {
    return Promise.race([new Promise<void>((resolve) => { this.#socket.once(event, () => resolve()) }), this.closed])
  }
}
