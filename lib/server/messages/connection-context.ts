import type { Connection } from '../../connection/connection.ts'
import type { AnyChannel } from '../../contract/define-channel.ts'
import type { Logger } from '../../logger.ts'
import { UsageError } from '../../protocol/errors.ts'
import type { Recipient } from '../session/message-handler.ts'

/** A `ConnectionContext` without the types of its messages. */
export class ConnectionHandlerContext {
  readonly connection: Connection
  readonly #own: () => Recipient | undefined
  #state: Record<string, unknown> | undefined

  /** @param own the connection's own contract; undefined where the route has none */
  constructor (connection: Connection, own: () => Recipient | undefined) {
    this.connection = connection
    this.#own = own
  }

  get user (): unknown { return this.connection.user }
  get locals (): unknown { return this.connection.locals }
  get log (): Logger { return this.connection.log }

  get state (): Record<string, unknown> {
    this.#state ??= this.#own()?.context.state ?? {}
    return this.#state
  }

  send (contract: AnyChannel, type: string, payload?: unknown): void {
    const own = this.#own()
    if (own?.served.compiled.contract !== contract) {
      throw new UsageError("'ctx.send' got a contract that the route does not serve: pass that of defineConnection")
    }
    own.context.send(type, payload)
  }
}
