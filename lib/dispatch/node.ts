import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Adapter } from '../adapters/adapter.ts'
import type { Clock } from '../clock.ts'
import { Connection, type ConnectionServices, type Identity } from '../connection/connection.ts'
import { Heartbeat, type HeartbeatOptions } from '../connection/heartbeat.ts'
import { Flusher } from '../connection/outbox.ts'
import { Registry } from '../connection/registry.ts'
import type { Logger } from '../logger.ts'
import { closeEvents } from '../protocol/close-events.ts'
import { Rooms } from '../rooms/rooms.ts'
import { Contracts } from './contracts.ts'
import type { Router } from './router.ts'
import type { DispatchOptions } from './services.ts'
import { Session } from './session.ts'

export interface NodeOptions extends DispatchOptions {
  readonly heartbeat: HeartbeatOptions
}

/** One server process: its connections, its rooms, and what keeps them alive. */
export class Node {
  readonly contracts = new Contracts()
  readonly registry = new Registry()
  readonly sessions = new Map<string, Session>()
  readonly rooms: Rooms
  readonly heartbeat: Heartbeat
  readonly #options: NodeOptions
  readonly #adapter: Adapter
  readonly #connectionServices: ConnectionServices
  readonly #clock: Clock
  #emptied: (() => void) | undefined

  constructor (options: NodeOptions, adapter: Adapter, clock: Clock) {
    this.rooms = new Rooms(adapter)
    this.heartbeat = new Heartbeat(options.heartbeat, clock)
    this.#options = options
    this.#adapter = adapter
    this.#clock = clock
    this.#connectionServices = { clock, flusher: new Flusher() }
  }

  /** Takes on a socket that has just been upgraded; `transport` is the TCP or TLS socket beneath it. */
  accept (webSocket: WebSocket, transport: Socket, identity: Identity, router: Router, log: Logger): Connection {
    const connection = new Connection(webSocket, transport, identity, log, this.#connectionServices)
    const session = new Session(connection, router, { clock: this.#clock, rooms: this.rooms, options: this.#options })
    this.#add(connection, session)
    webSocket.on('message', (data: Buffer, isBinary) => {
      connection.received(data.length)
      if (isBinary) this.#refuseBinary(connection)
      else session.receive(data.toString())
    })
    webSocket.on('ping', () => connection.seen())
    webSocket.on('pong', () => connection.seen())
    webSocket.on('close', (code) => {
      log.info({ code }, 'connection closed')
      this.#remove(connection, session)
    })
    return connection
  }

  /** Tells every client, after the last upgrade, and resolves when the last one is gone, at the latest after the close timeout. */
  async close (): Promise<void> {
    const emptied = new Promise<void>((resolve) => { this.#emptied = resolve })
    for (const connection of this.registry.all()) connection.close(closeEvents.restart)
    if (this.registry.size > 0) await emptied
    await this.#adapter.close()
  }

  #refuseBinary (connection: Connection): void {
    connection.log.warn({ code: closeEvents.binary.code }, closeEvents.binary.reason)
    connection.close(closeEvents.binary)
  }

  #add (connection: Connection, session: Session): void {
    this.registry.add(connection)
    this.sessions.set(connection.id, session)
    this.heartbeat.watch(connection)
  }

  #remove (connection: Connection, session: Session): void {
    connection.closed()
    session.end()
    this.heartbeat.forget(connection)
    this.sessions.delete(connection.id)
    this.registry.delete(connection)
    if (this.registry.size === 0) this.#emptied?.()
  }
}
