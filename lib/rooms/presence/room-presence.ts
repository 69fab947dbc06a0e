import type { PresenceList, PresencePort, PresenceVersion } from '../../cluster/presence.ts'
import { clusterTimings } from '../../cluster/timings.ts'
import type { Clock } from '../../clock.ts'
import { CoalescedTask } from '../../coalesced-task.ts'
import type { PresenceChange, PresenceListKind } from '../../protocol/control-messages.ts'
import { addressIn } from '../../protocol/envelope.ts'
import type { Announcements, PresenceAck } from './announcements.ts'
import { CountAnnouncements } from './count-announcements.ts'
import type { Member } from '../member.ts'
import { ListAnnouncements } from './list-announcements.ts'
import { PresenceReplica } from './presence-replica.ts'

export interface RoomPresenceDeps {
  readonly channel: string
  readonly presence: Pick<PresencePort, 'list'>
  readonly clock: Clock
  readonly members: ReadonlyMap<string, Member>
  /** What members learn of the presence. */
  readonly list: Exclude<PresenceListKind, 'none'>
}

/**
 * The presence of one channel as its members know it: a replica that follows the changes, and reads the list again when
 * a change is missing.
 *
 * When the whole list was lost, every node first has to enter its connections again. Until then the new list is
 * incomplete, so it is held back, because members would otherwise receive `left` for users who are still connected.
 */
export class RoomPresence {
  readonly #deps: RoomPresenceDeps
  readonly #replica = new PresenceReplica()
  readonly #announcements: Announcements
  readonly #reads: CoalescedTask
  #holdBack: 'none' | 'running' | 'over' = 'none'

  constructor (deps: RoomPresenceDeps) {
    this.#deps = deps
    const Announced = deps.list === 'all' ? ListAnnouncements : CountAnnouncements
    const address = addressIn(deps.channel)
    this.#announcements = new Announced({ ...deps, address, current: () => this.#replica.users })
    this.#reads = new CoalescedTask(() => this.#read())
  }

  /** Reads the list for the first time. Rejects when the adapter cannot. */
  async load (): Promise<void> {
    this.#replica.replace(await this.#deps.presence.list(this.#deps.channel))
    this.#announcements.reset()
  }

  /**
   * What the ack of a member's join says of presence, in at most `limit` bytes. Contains its own user with `data` even
   * before that is announced.
   */
  ackFor (member: Member, data: unknown, limit: number): PresenceAck {
    return this.#announcements.ackFor(member, data, limit)
  }

  forgetMember (member: Member): void {
    this.#announcements.forget(member)
  }

  close (): void {
    this.#announcements.close()
  }

  /** Reads the list again and reports the difference. A failed read is repeated after the next `gap` or change. */
  refresh (): void {
    this.#reads.run().catch(() => {})
  }

  /** Applies a change that the adapter announced. */
  apply (version: PresenceVersion, change: PresenceChange): void {
    const applied = this.#replica.apply(version, change)
    if (applied === 'new') this.#announcements.add(change)
    if (applied === 'hole') this.refresh()
  }

  async #read (): Promise<void> {
    this.#replica.beginRead()
    try {
      const list = await this.#deps.presence.list(this.#deps.channel)
      if (this.#isHeldBack(list)) return
      this.#holdBack = 'none'
      const change = this.#replica.replace(list)
      if (change) this.#announcements.add(change)
    } finally {
      this.#replica.abandonRead()
    }
  }

  #isHeldBack (list: PresenceList): boolean {
    if (!this.#replica.isLostIn(list) || this.#holdBack === 'over') return false
    if (this.#holdBack === 'none') {
      this.#deps.clock.setTimeout(() => this.#endHoldBack(), clusterTimings.presenceHoldBackMs)
    }
    this.#holdBack = 'running'
    return true
  }

  #endHoldBack (): void {
    this.#holdBack = 'over'
    this.refresh()
  }
}
