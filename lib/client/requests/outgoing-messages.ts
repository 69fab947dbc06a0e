import { isTemporary, type RequestError } from '../request-error.ts'
import type { Connection } from '../transport/connection.ts'
import type { Call } from './call.ts'
import type { IdempotentChannel } from './idempotent-channel.ts'

/** Whether an idempotent message is sent again after this failure. */
export function isRepeated ({ channel, wasDelayed }: Call, error: RequestError): boolean {
  return channel?.hasEnded === false && isTemporary(error) && (wasDelayed || error.code !== 'rate_limited')
}

/** The calls whose messages are not answered, by correlation id, in the order of the calls. */
export class OutgoingMessages extends Map<string, Call> {
  /** The idempotent messages that wait for a channel; without one, the other messages that wait. */
  waitingFor (channel: IdempotentChannel | undefined): readonly Call[] {
    return this.sentOn(undefined).filter((call) => call.channel === channel)
  }

  /** The messages whose reply is awaited on a connection; without one, those that wait to be sent. */
  sentOn (connection: Connection | undefined): readonly Call[] {
    for (const [id, { isSettled }] of this) if (isSettled) this.delete(id)
    return [...this.values()].filter(({ sentOn }) => sentOn === connection)
  }
}
