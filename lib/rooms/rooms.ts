import type { Adapter } from '../adapters/adapter.ts'
import type { PresenceChange, PresenceEntry } from '../protocol/control.ts'
import { frame, type Frame } from '../protocol/frame.ts'
import { Room, type DeliverOptions, type Member } from './room.ts'

/** Every room of this node, joined to those of the other nodes by the adapter. */
export class Rooms {
  readonly #adapter: Adapter
  readonly #rooms = new Map<string, Room>()

  constructor (adapter: Adapter) {
    this.#adapter = adapter
    adapter.start({
      frame: (channel, bytes, whenSlow) => this.#rooms.get(channel)?.deliver(bytes, { whenSlow }),
      presence: (channel, sequence, change) => this.#presenceChanged(channel, sequence, change)
    })
  }

  /** Rooms with a member, or with a join under way. */
  get size (): number {
    return this.#rooms.size
  }

  /**
   * Keeps the room of a channel, opening it when it is the first to ask. Every `open` is followed by one `release`, the
   * failed ones too. Rejects when the adapter cannot subscribe.
   */
  async open (channel: string): Promise<void> {
    const room = this.#rooms.get(channel) ?? new Room((opened) => this.#connect(channel, opened))
    this.#rooms.set(channel, room)
    room.holds++
    await room.ready
  }

  release (channel: string): void {
    const room = this.#rooms.get(channel) as Room
    if (--room.holds > 0) return
    this.#rooms.delete(channel)
    this.#quietly(this.#adapter.unsubscribe(channel))
  }

  add (channel: string, member: Member): void {
    this.#rooms.get(channel)?.members.set(member.id, member)
  }

  delete (channel: string, member: Member): void {
    this.#rooms.get(channel)?.members.delete(member.id)
  }

  /** Hands a frame to the members here and publishes it to those elsewhere; here is not kept waiting for elsewhere. */
  broadcast (channel: string, bytes: Frame, options: DeliverOptions = {}): void {
    this.#rooms.get(channel)?.deliver(bytes, options)
    this.#quietly(this.#adapter.publish(channel, bytes, options.whenSlow))
  }

  members (channel: string): Member[] {
    return [...this.#rooms.get(channel)?.members.values() ?? []]
  }

  /** Takes members out whose connection does not exist; returns how many there were. */
  removeMembers (isOrphan: (member: Member) => boolean): number {
    let removed = 0
    for (const [channel, { members }] of this.#rooms) {
      for (const member of [...members.values()].filter(isOrphan)) {
        removed++
        members.delete(member.id)
        this.exit(channel, member, 0)
        this.release(channel)
      }
    }
    return removed
  }

  /** Counts a member as present. Rejects when the adapter cannot. */
  async enter (channel: string, member: Member, data: unknown): Promise<void> {
    await this.#adapter.enter(channel, { connection: member.id, user: member.userId ?? member.id, data })
  }

  /** Its user stays present for `grace` milliseconds, and is not told to have left when back by then. */
  exit (channel: string, member: Member, grace: number): void {
    this.#quietly(this.#adapter.exit(channel, member.id, grace))
  }

  present (channel: string): PresenceEntry[] {
    return this.#rooms.get(channel)?.presence.entries ?? []
  }

  async #connect (channel: string, room: Room): Promise<void> {
    await this.#adapter.subscribe(channel)
    room.presence.seed(await this.#adapter.present(channel))
  }

  #presenceChanged (channel: string, sequence: number, change: PresenceChange): void {
    const room = this.#rooms.get(channel)
    if (room?.presence.apply(sequence, change)) room.deliver(frame({ type: 'presence', channel, payload: change }))
  }

  /** What is promised at most once may fail: the adapter counts and reports it. */
  #quietly (outcome: Promise<void>): void {
    outcome.catch(() => {})
  }
}
