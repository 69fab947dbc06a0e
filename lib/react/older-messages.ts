import type { EntryInfo } from '../client/typed/typed-messaging.ts'
import type { UntypedChannel } from './channel-store.ts'
import type { StateStore } from './state-store.ts'

/** One message of a list, as `ReceivedMessage`. */
interface ListedMessage {
  readonly type: string
  readonly payload: unknown
  readonly entry?: EntryInfo
}

/**
 * Reads pages of the history until one has a message of these types, and puts its messages in front of the list.
 * Resolves to whether the history has older ones.
 */
export async function loadOlder (
  channel: UntypedChannel, types: readonly string[], list: StateStore<readonly ListedMessage[]>, limit?: number
): Promise<boolean> {
  // A list may have dropped its oldest messages, so it continues before the first one that is there.
  const firstOffset = () => list.value().find(({ entry }) => entry)?.entry?.offset
  for (let before = firstOffset(); ;) {
    const { messages, hasMore } = await channel.history({ before, limit })
    // Another call may have loaded the same page meanwhile.
    const first = firstOffset() ?? Infinity
    const older = messages.filter(({ type, offset }) => types.includes(type) && offset < first)
      .map(({ type, payload, offset, id, hash }) => ({ type, payload, entry: { offset, id, hash } }))
    if (older.length > 0) list.set([...older, ...list.value()])
    if (older.length > 0 || !hasMore) return hasMore
    before = messages[0]?.offset
  }
}
