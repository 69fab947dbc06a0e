import type { Clock, Timer } from '../lib/clock.ts'
import type { ConnectionInfo } from '../lib/connection/connection-info.ts'
import { logError } from '../lib/logger.ts'
import { closeEvents } from '../lib/protocol/close-events.ts'
import type { Node } from '../lib/server/node.ts'
import { withTimeout } from '../lib/server/with-timeout.ts'

/** Checks sessions, which have no expiry that the server could watch. */
export interface SessionCheck {
  /** Milliseconds between two checks of a connection. */
  readonly interval: number
  /**
   * Whether the session of a connection is still valid. When it throws, or takes longer than `handlerTimeout`, the
   * connection stays and the error is logged.
   */
  readonly check: (connection: ConnectionInfo) => boolean | Promise<boolean>
}

/**
 * Checks every connection of the node, with one timer for all. A connection is not checked again while its check runs,
 * which fails after `handlerTimeout`. Returns a function that stops it.
 */
export function watchSessions (
  { interval, check }: SessionCheck, node: Node, clock: Clock, handlerTimeout: number
): () => void {
  let timer: Timer
  const running = new WeakSet<ConnectionInfo>()
  const checkOne = async (connection: ReturnType<Node['registry']['all']>[number]) => {
    if (running.has(connection)) return
    running.add(connection)
    try {
      const isValid = await withTimeout(clock, handlerTimeout, (async () => check(connection))())
      if (isValid === false) connection.close(closeEvents.revoked)
    } catch (err) {
      logError(connection.log, {}, err, "the option 'sessionCheck' failed: the connection stays open")
    }
    running.delete(connection)
  }
  const round = () => {
    for (const connection of node.registry.all()) checkOne(connection)
    timer = clock.setTimeout(round, interval)
  }
  timer = clock.setTimeout(round, interval)
  return () => clock.clearTimeout(timer)
}
