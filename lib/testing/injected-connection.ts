import type { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'

/** The part of a Fastify application that an injected connection needs. */
export interface Injectable {
  ready (): PromiseLike<unknown>
  readonly server: EventEmitter
}

/**
 * Opens a connection inside this process, so that the server needs no port. Its HTTP parser reads real bytes. For the
 * server the client has the address `remoteAddress`, and TLS where it is a server with TLS.
 */
export function injectConnection (server: EventEmitter, remoteAddress: string): Duplex {
  const client: ConnectionEnd = new ConnectionEnd(() => accepted)
  const accepted = new ConnectionEnd(() => client)
  const hasTls = server instanceof TlsServer
  // Of the last two, Node's server learns that there is TLS, and that there is no HTTP/2.
  Object.assign(accepted, { remoteAddress, ...(hasTls && { encrypted: true, alpnProtocol: 'http/1.1' }) })
  server.emit(hasTls ? 'secureConnection' : 'connection', accepted)
  return client
}

/**
 * One end of a connection without a network: what is written to it arrives at the other end in the next iteration of
 * the event loop. With `duplexPair` of Node it arrives during the write, which neither `ws` nor an HTTP parser expects.
 */
class ConnectionEnd extends Duplex {
  readonly #other: () => ConnectionEnd
  #hasEnded = false
  #readOn: (() => void) | undefined

  constructor (other: () => ConnectionEnd) {
    super()
    this.#other = other
  }

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    setImmediate(() => {
      const other = this.#other()
      if (other.push(chunk) || other.destroyed) done()
      else other.#readOn = done
    })
  }

  override _read (): void {
    this.#readOn?.()
    this.#readOn = undefined
  }

  override _final (done: () => void): void {
    this.#end()
    done()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#end()
    this._read()
    done(error)
  }

  /** The other end reads what has arrived, and then the end. */
  #end (): void {
    if (!this.#hasEnded) setImmediate(() => this.#other().push(null))
    this.#hasEnded = true
  }
}
