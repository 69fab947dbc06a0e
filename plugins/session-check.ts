import type { Clock, Timer } from '../lib/clock.ts'
import type { ConnectionInfo } from '../lib/connection/connection.ts'
import type { Node } from '../lib/server/node.ts'
import { closeEvents } from '../lib/protocol/close-events.ts'

/** For sessions, which have no `exp` that a server could watch. */
export interface SessionCheck {
  /** Milliseconds. */
  readonly interval: number
  /** Whether a connection's session is still good. One that throws says nothing: the connection stays, and the log has why. */
  readonly check: (connection: ConnectionInfo) => boolean | Promise<boolean>
}

/** Asks for every connection, one timer for all. Returns what ends it. */
export function watchSessions ({ interval, check }: SessionCheck, node: Node, clock: Clock): () => void {
  let timer: Timer
  const ask = async (connection: ReturnType<Node['registry']['all']>[number]) => {
    try {
      if (await check(connection) === false) connection.close(closeEvents.revoked)
    } catch (err) {
      connection.log.error({ err }, 'the session check failed')
    }
  }
  const round = () => {
    for (const connection of node.registry.all()) ask(connection)
    timer = clock.setTimeout(round, interval)
  }
  timer = clock.setTimeout(round, interval)
  return () => clock.clearTimeout(timer)
}
