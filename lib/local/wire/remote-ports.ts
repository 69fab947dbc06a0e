import type { Clock } from '../../clock.ts'
import type { AppendOutcome } from '../../cluster/history.ts'
import type { ClaimOutcome, FinishOutcome } from '../../cluster/idempotency.ts'
import type { NodeAnswers } from '../../cluster/nodes.ts'
import type { PresenceList } from '../../cluster/presence.ts'
import type { QuotaOutcome } from '../../cluster/quota.ts'
import type { Position } from '../../protocol/position.ts'
import type { HubPorts } from '../hub-ports.ts'
import { appendContent, readOf } from './history-packets.ts'
import type { HubConnection } from './hub-connection.ts'

type Connection = Pick<HubConnection, 'ask' | 'tell' | 'post'>

/** JSON has no `Infinity`. */
const finite = (limit: number) => Math.min(limit, Number.MAX_SAFE_INTEGER)

/** The ports of a hub in another process. `clock` is that of the connection. */
export function remotePorts (connection: Connection, clock: Clock): HubPorts {
  const ask = async <T>(...head: readonly unknown[]) => (await connection.ask(head)).head as T
  const tell = async <T>(...head: readonly unknown[]) => (await connection.tell(head)).head as T
  return {
    ...historyAndMessages(connection),
    ready: () => tell('ready'),
    presence: {
      enter: (channel, entry) => tell('enter', channel, entry),
      exit: (channel, connectionId, graceMs) => tell('exit', channel, connectionId, graceMs),
      list: (channel) => ask<PresenceList>('list', channel),
      count: (channel) => ask<number>('count', channel)
    },
    idempotency: {
      claim: (channel, claim) => ask<ClaimOutcome>('claim', channel, claim),
      finish: (channel, claim, reply, entries) => ask<FinishOutcome>('finish', channel, claim, reply, entries),
      release: (channel, claim) => ask('release', channel, claim)
    },
    quota: {
      acquire: (userId, connectionId, limit) => tell<QuotaOutcome>('acquire', userId, connectionId, finite(limit)),
      check: (userId, limit) => ask<QuotaOutcome>('check', userId, finite(limit)),
      release: (userId, connectionId) => tell('releaseQuota', userId, connectionId)
    },
    nodes: {
      request: async (request, deadlineMs) => {
        return (await connection.ask(['request', request, deadlineMs], [], deadlineMs)).head as NodeAnswers
      },
      revoke: (key, until) => tell('revoke', key, until - clock.now())
    }
  }
}

function historyAndMessages (connection: Connection): Pick<HubPorts, 'pubsub' | 'history'> {
  const ask = async <T>(...head: readonly unknown[]) => (await connection.ask(head)).head as T
  return {
    pubsub: {
      subscribe: async (channel) => { await connection.tell(['subscribe', channel]) },
      unsubscribe: async (channel) => { await connection.tell(['unsubscribe', channel]) },
      publish: async (channel, message, whenSlow, except) => {
        connection.post(['publish', channel, whenSlow, except], [message])
      }
    },
    history: {
      append: async (channel, append) => {
        const { head, parts } = appendContent(append)
        return (await connection.ask(['append', channel, head], parts)).head as AppendOutcome
      },
      confirm: (channel, entries) => ask<boolean>('confirm', channel, entries),
      read: async (channel, since) => readOf(await connection.ask(['read', channel, since])),
      readBefore: async (channel, before, limit) => {
        return readOf(await connection.ask(['readBefore', channel, before, limit]))
      },
      clear: (channel) => ask('clear', channel),
      positions: async (channels) => {
        const found = await ask<ReadonlyArray<Position | null>>('positions', channels)
        return found.map((position) => position ?? undefined)
      }
    }
  }
}
