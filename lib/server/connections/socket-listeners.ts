import type { WebSocket } from 'ws'
import type { LiveConnections } from './live-connections.ts'
import type { Session } from '../session/session.ts'

/** A property, because a WeakMap of all connections costs each of them more, and every collection again. */
const sessionOf = Symbol('fastify-channels.session')

type ListenedSocket = WebSocket & { [sessionOf]?: Session }

function of (webSocket: ListenedSocket): Session {
  return webSocket[sessionOf] as Session
}

/**
 * What a node does with the events of its sockets. The functions are the same for all of them: a closure for each would
 * be 300 bytes of every connection.
 */
export class SocketListeners {
  readonly #connections: LiveConnections
  readonly #listeners: ReadonlyArray<readonly [event: string, listener: Parameters<WebSocket['on']>[1]]>

  constructor (connections: LiveConnections) {
    this.#connections = connections
    const closed = (session: Session, code: number, reason: string) => this.#closed(session, code, reason)
    this.#listeners = [
      ['message', function (this: WebSocket, data: Buffer, isBinary: boolean) { of(this).receive(data, isBinary) }],
      ['ping', function (this: WebSocket) { of(this).pingReceived() }],
      ['pong', function (this: WebSocket) { of(this).pongReceived() }],
      ['error', function (this: WebSocket, error: Error) { failed(of(this), error) }],
      ['close', function (this: WebSocket, code: number, reason: Buffer) { closed(of(this), code, String(reason)) }]
    ]
  }

  add (webSocket: ListenedSocket, session: Session): void {
    webSocket[sessionOf] = session
    for (const [event, listener] of this.#listeners) webSocket.on(event, listener)
  }

  #closed (session: Session, code: number, reason: string): void {
    const { connection } = session
    connection.log.flush()
    connection.log.info({ code }, 'connection closed')
    this.#connections.remove(connection, { code, reason })
  }
}

/**
 * The peer broke RFC 6455, or the network failed. `ws` is closing the connection with a fitting code then: a client
 * that is still sending must be able to read that code.
 */
function failed ({ connection }: Session, error: Error): void {
  connection.log.info({ err: error.message }, 'connection failed')
}
