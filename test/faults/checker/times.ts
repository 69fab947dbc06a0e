import { goneFrom, type Deliveries } from './deliveries.ts'
import { eventsOf, type RunLog } from './log.ts'

export interface Times {
  /** From `send` to the ack, of every persistent message. */
  readonly ack: Spread
  /**
   * From the end of the fault: each send that was unanswered then until its answer, and each message that a member
   * lacked then until its delivery.
   */
  readonly recovery: Spread
}

export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function spreadOf (values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}

export function timesOf (log: RunLog, deliveries: Iterable<readonly Deliveries[]>): Times {
  const { ended } = log
  const gone = goneFrom(log)
  const sentAt = new Map(eventsOf(log, 'sent').map(({ id, at, kind }) => [id, { at, kind }]))
  const isPending = (id: string, at: number) => at > ended && (sentAt.get(id)?.at ?? Infinity) <= ended
  const answers = [...eventsOf(log, 'acked'), ...eventsOf(log, 'failed')]
  const acks = eventsOf(log, 'acked').filter(({ id }) => sentAt.get(id)?.kind !== 'hint')
  const late = answers
    .filter(({ id, at, client }) => !gone.has(client) && isPending(id, at))
    .map(({ at }) => at - ended)
  for (const { client, all } of [...deliveries].flat()) {
    if (gone.has(client)) continue
    for (const { id, at } of all.values()) {
      if (sentAt.get(id)?.kind !== 'hint' && isPending(id, at)) late.push(at - ended)
    }
  }
  return { ack: spreadOf(acks.map(({ id, at }) => at - (sentAt.get(id)?.at ?? at))), recovery: spreadOf(late) }
}
