import type { Connection } from '../../connection/connection.ts'
import type { CloseEvent } from '../../protocol/close-events.ts'
import type { Router } from '../router.ts'
import { ActiveSession } from './active-session.ts'
import type { SessionDeps } from './session-deps.ts'

/**
 * The inbound side of one connection. What handles its messages is made with the first of them, because many
 * connections are idle: that is 2 KB of the memory of each.
 */
export class Session {
  readonly connection: Connection
  readonly #router: Router
  readonly #deps: SessionDeps
  #active: ActiveSession | undefined

  constructor (connection: Connection, router: Router, deps: SessionDeps) {
    this.connection = connection
    this.#router = router
    this.#deps = deps
  }

  /** Whether the connection's own contract declares this message from the server. */
  sends (type: string): boolean {
    return this.#router.connection?.compiled.fromServer.has(type) ?? false
  }

  /** Takes one WebSocket message. Never throws. */
  receive (data: Buffer, isBinary: boolean): void { this.#activate().receive(data, isBinary) }

  /** Takes a ping frame, which `ws` has answered. */
  pingReceived (): void { this.#activate().pingReceived() }

  pongReceived (): void { this.connection.markAlive() }

  /** Calls the route's `connected`. Messages wait until it is done. */
  start (): void {
    const { connected, disconnected } = this.#router.route
    if (connected || disconnected) this.#activate().start()
  }

  /** Joins a channel as the client does. Resolves to whether the connection is a member then. */
  add (channel: string): Promise<boolean> { return this.#activate().add(channel) }

  /** Takes the connection out of a channel, and refuses a join that is under way; false when there was neither. */
  remove (channel: string, code: string): boolean { return this.#active?.remove(channel, code) ?? false }

  /** Takes the connection out of the channels in which `authorize` no longer allows it. */
  async reauthorize (): Promise<void> { await this.#active?.reauthorize() }

  /** Resolves once no message is being handled or waits for it. */
  async whenIdle (): Promise<void> { await this.#active?.receiveQueue.whenEmpty() }

  /** Aborts the signals of running handlers. */
  abort (): void { this.#active?.abort() }

  /**
   * The connection is closed: aborts running handlers, and ends every membership, at once if the client is done.
   * Resolves when the route's `disconnected` is done; undefined where there is none to call.
   */
  end (event?: CloseEvent): Promise<void> | undefined { return this.#active?.end(event) }

  #activate (): ActiveSession {
    this.#active ??= new ActiveSession(this.connection, this.#router, this.#deps)
    return this.#active
  }
}
