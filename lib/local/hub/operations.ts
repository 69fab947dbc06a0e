import type { Clock } from '../../clock.ts'
import type { AppendedEntry, IdempotencyClaim } from '../../cluster/idempotency.ts'
import type { PresenceEntryRequest } from '../../cluster/presence.ts'
import type { Except } from '../../cluster/pubsub.ts'
import type { MemoryAdapter } from '../../memory/memory-adapter.ts'
import type { Position } from '../../protocol/position.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import { readAppend, readContent, type Content } from '../wire/history-packets.ts'

type Parts = readonly Buffer[]
type Operation = (node: MemoryAdapter, args: readonly unknown[], parts: Parts, hub: HubContext) => Promise<Content>

/** What an operation needs of the hub itself. */
export interface HubContext {
  readonly clock: Clock
  /** A node has told everything that it knows. */
  ready (nodeId: string): Promise<void>
}

/** An operation whose arguments and result are JSON. JSON has no `undefined`, so a missing argument comes as `null`. */
function plain<A extends unknown[]> (run: (node: MemoryAdapter, ...args: A) => unknown): Operation {
  return async (node, args) => ({ head: await run(node, ...args as A) })
}

/** The operations whose answers may be as long as a recovery, or longer. */
export const hasLargeAnswer: ReadonlySet<string> = new Set(['read', 'readBefore', 'list'])

/** What a node may ask of the hub, by the first value of a request's head. */
export const operations: Readonly<Record<string, Operation | undefined>> = {
  ping: plain(async () => {}),
  ready: async ({ nodeId }, _args, _parts, hub) => {
    await hub.ready(nodeId)
    return {}
  },
  subscribe: plain(({ pubsub }, channel: string) => pubsub.subscribe(channel)),
  unsubscribe: plain(({ pubsub }, channel: string) => pubsub.unsubscribe(channel)),
  publish: async ({ pubsub }, args, [message]) => {
    const [channel, whenSlow, except] = args as [string, WhenSlow | null, Except | null]
    await pubsub.publish(channel, message as Buffer, whenSlow ?? undefined, except ?? undefined)
    return {}
  },

  append: async ({ history }, [channel, head], parts) => {
    return { head: await history.append(channel as string, readAppend({ head, parts })) }
  },
  confirm: plain(({ history }, channel: string, entries: readonly AppendedEntry[]) => {
    return history.confirm(channel, entries)
  }),
  read: async ({ history }, [channel, since]) => {
    return readContent(await history.read(channel as string, since as Position | null ?? undefined))
  },
  readBefore: async ({ history }, [channel, before, limit]) => {
    return readContent(await history.readBefore(channel as string, before as number | null ?? undefined, Number(limit)))
  },
  clear: plain(({ history }, channel: string) => history.clear(channel)),
  positions: plain(({ history }, channels: readonly string[]) => history.positions(channels)),

  enter: plain(({ presence }, channel: string, entry: PresenceEntryRequest) => presence.enter(channel, entry)),
  exit: plain(({ presence }, channel: string, connectionId: string, graceMs: number) => {
    return presence.exit(channel, connectionId, graceMs)
  }),
  list: plain(({ presence }, channel: string) => presence.list(channel)),
  count: plain(({ presence }, channel: string) => presence.count(channel)),

  claim: plain(({ idempotency }, channel: string, claim: IdempotencyClaim) => idempotency.claim(channel, claim)),
  finish: plain((
    { idempotency }, channel: string, claim: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ) => idempotency.finish(channel, claim, reply, entries)),
  release: plain(({ idempotency }, channel: string, claim: IdempotencyClaim) => idempotency.release(channel, claim)),

  acquire: plain(({ quota }, userId: string, connectionId: string, limit: number) => {
    return quota.acquire(userId, connectionId, limit)
  }),
  check: plain(({ quota }, userId: string, limit: number) => quota.check(userId, limit)),
  releaseQuota: plain(({ quota }, userId: string, connectionId: string) => quota.release(userId, connectionId)),

  request: plain(({ nodes }, request: unknown, deadlineMs: number) => nodes.request(request, deadlineMs)),
  // Clocks of two processes differ, so the remaining time travels.
  revoke: async ({ nodes }, [key, remainingMs], _parts, { clock }) => {
    await nodes.revoke(key as string, clock.now() + Number(remainingMs))
    return {}
  }
}
