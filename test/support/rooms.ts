import type { Adapter } from '../../lib/cluster/adapter.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import type { PresenceEntry, PresenceListKind } from '../../lib/protocol/control-messages.ts'
import type { EncodedMessage } from '../../lib/protocol/encoding.ts'
import type { ResyncReason } from '../../lib/protocol/recoverability.ts'
import type { PageSource, ResyncSource } from '../../lib/protocol/when-slow.ts'
import type { Member } from '../../lib/rooms/member.ts'
import { Rooms } from '../../lib/rooms/rooms.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { adapterWith, type Replacements } from './adapter-with.ts'

/** A member that keeps what it receives. */
export class FakeMember implements Member {
  readonly id: string
  readonly userId: string | undefined
  readonly received: EncodedMessage[] = []

  constructor (id: string, userId: string | undefined = id) {
    this.id = id
    this.userId = userId
  }

  send (bytes: EncodedMessage): void {
    this.received.push(bytes)
  }

  sendResync (source: ResyncSource, reason: ResyncReason): void {
    const encoded = source.resync(this.id, reason)
    if (encoded) this.received.push(encoded)
  }

  /** A member that reads at once. */
  sendPages (source: PageSource): void {
    for (let page = source.nextPage(this.id); page; page = source.nextPage(this.id)) this.received.push(page)
  }

  get payloads (): unknown[] {
    return this.received.map((bytes) => JSON.parse(bytes.toString()).payload)
  }
}

/** Joins a channel in the same order as the server does. Resolves to the presence list of the ack, if there is one. */
export async function join (
  rooms: Rooms, member: Member, data?: object, channel = 'x', list: PresenceListKind = 'all'
): Promise<PresenceEntry[] | undefined> {
  await rooms.openRoom(channel, { list })
  if (data) await rooms.enterPresence(channel, member, data)
  rooms.addMember(channel, member)
  return data && JSON.parse(String(rooms.presenceAckFor(channel, member, data, Infinity)?.json ?? null))
}

export function leave (rooms: Rooms, member: Member, channel = 'x'): void {
  rooms.deleteMember(channel, member)
  rooms.exitPresence(channel, member, 0)
  rooms.releaseRoom(channel)
}

/** The rooms of a node that has started. */
export function started (adapter: Adapter, clock = new FakeClock()): Rooms {
  const rooms = new Rooms(adapter, clock)
  adapter.start({ ...rooms.adapterEvents, revoked: () => {}, requested: () => undefined })
  return rooms
}

/** Two nodes on one hub. */
export function cluster () {
  const hub = new MemoryHub()
  const adapters = [new MemoryAdapter(hub), new MemoryAdapter(hub)] as const
  return { hub, adapters, rooms: [started(adapters[0]), started(adapters[1])] as const }
}

/** Rooms on a memory adapter with some replaced calls. */
export function roomsWith (replaced: Replacements): Rooms {
  return started(adapterWith(replaced))
}

export const down = async () => { throw new Error('adapter is down') }
