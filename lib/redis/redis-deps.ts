import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Commands } from './commands.ts'
import type { Keys } from './keys.ts'
import type { Publisher, Subscriptions } from './pubsub/message-kinds.ts'

/** What each part of the adapter is given. */
export interface RedisDeps {
  /** This node's id, random for each start. */
  readonly node: string
  readonly commands: Commands
  readonly subscriptions: Subscriptions
  readonly publisher: Publisher
  readonly keys: Keys
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}
