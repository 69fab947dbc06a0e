import type { Clock, Timer } from '../lib/clock.ts'
import type { ConnectionInfo } from '../lib/connection/connection.ts'
import type { Node } from '../lib/server/node.ts'
import { closeEvents } from '../lib/protocol/close-events.ts'

/** Checks sessions, which have no expiry that the server could watch. */
export interface SessionCheck {
  /** Milliseconds between two checks of a connection. */
  readonly interval: number
  /**
   * Whether the session of a connection is still valid. When it throws, the connection stays and the error is logged.
   */
  readonly check: (connection: ConnectionInfo) => boolean | Promise<boolean>
}

/** Checks every connection of the node, with one timer for all. Returns a function that stops it. */
export function watchSessions ({ interval, check }: SessionCheck, node: Node, clock: Clock): () => void {
  let timer: Timer
  const checkOne = async (connection: ReturnType<Node['registry']['all']>[number]) => {
    try {
      if (await check(connection) === false) connection.close(closeEvents.revoked)
    } catch (err) {
      connection.log.error({ err }, "the option 'sessionCheck' failed: the connection stays open")
    }
  }
  const round = () => {
    for (const connection of node.registry.all()) checkOne(connection)
    timer = clock.setTimeout(round, interval)
  }
  timer = clock.setTimeout(round, interval)
  return () => clock.clearTimeout(timer)
}
