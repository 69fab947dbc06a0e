import type { Clock } from '../clock.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { ClusterTimings } from '../cluster/timings.ts'
import type { Logger } from '../logger.ts'
import type { Keys } from './keys.ts'
import type { Publisher } from './pubsub/message-kinds.ts'
import type { ScriptRunner } from './script-runner.ts'

/** What every part of the adapter uses. */
export interface RedisDeps {
  /** The id of this node, random for each start. */
  readonly nodeId: string
  readonly scripts: Pick<ScriptRunner, 'run'>
  readonly publisher: Publisher
  readonly keys: Keys
  /** Reports to the node that started the adapter. */
  readonly events: AdapterEvents
  readonly timings: ClusterTimings
  readonly clock: Clock
  /** A number of [0, 1). */
  readonly random: () => number
  readonly log: Logger
  /** Logs that work in the background failed, unless the state of Redis says so already. */
  readonly reportFailure: (err: unknown, text: string) => void
}
