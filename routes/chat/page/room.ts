import type { Clock } from '../../clock.ts'
import type { RoomChannel } from './connect.ts'
import type { MessageList, Posted } from './message-list.ts'
import type { Person } from '../../page/session.ts'
import { TypingSender } from './typing-sender.ts'
import { TypingWatch } from './typing-watch.ts'

export interface Member { readonly user: string, readonly name: string }

interface RoomOptions {
  readonly channel: RoomChannel
  /** Whether the history is complete, or still arriving. */
  readonly messages: MessageList
  readonly me: Person
  readonly clock: Clock
}

/** One room that this window joined: its messages, its members, who is typing, and the number of unread messages. */
export class Room {
  readonly name: string
  readonly me: Person
  readonly messages: MessageList
  readonly typing: TypingSender
  readonly typists: TypingWatch
  readonly #channel: RoomChannel
  readonly #clock: Clock
  #changed: () => void = () => {}
  #seen = false
  #unread = 0

  constructor (name: string, { channel, messages, me, clock }: RoomOptions) {
    this.name = name
    this.messages = messages
    this.me = me
    this.#channel = channel
    this.#clock = clock
    this.typing = new TypingSender(clock, (active) => this.#tell(active))
    this.typists = new TypingWatch(clock, () => this.#changed())
    this.#listen()
  }

  /** Calls `fn` after each change. */
  onChange (fn: () => void): void {
    this.#changed = fn
  }

  /** The members by name, this user first. */
  get members (): Member[] {
    const members = this.#channel.presence.map(({ user, data }) => ({ user, name: data.name }))
    const rank = ({ user }: Member) => user === this.me.user ? 0 : 1
    return members.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
  }

  get unread (): number {
    return this.#unread
  }

  /** Whether somebody looks at the room. Messages that arrive meanwhile count as read, else as unread. */
  look (seen: boolean): void {
    this.#seen = seen
    if (seen) this.#unread = 0
  }

  send (text: string): void {
    const { user, name } = this.me
    this.typing.stop()
    this.#deliver(this.messages.sending({ from: user, name, text, at: this.#clock.now() }), text)
  }

  retry (key: string): void {
    const text = this.messages.retried(key)
    if (text !== undefined) this.#deliver(key, text)
  }

  discard (key: string): void {
    this.messages.discard(key)
    this.#changed()
  }

  /** Ends the room in this window, whether the user left or the server removed the user. */
  end (): void {
    this.#changed = () => {}
    this.typing.end()
    this.typists.end()
  }

  #listen (): void {
    this.#channel.on('message.posted', (message, { offset }) => this.#posted(message, offset))
    this.#channel.on('typing.changed', ({ userId, name, active }) => {
      if (userId === this.me.user) return
      if (active) this.typists.typing(userId, name)
      else this.typists.stopped(userId)
    })
    this.#channel.onPresence(() => {
      this.typists.keep(new Set(this.members.map(({ user }) => user)))
      this.#changed()
    })
  }

  #posted (message: Posted, offset: number): void {
    const isNews = this.messages.posted(message, offset)
    this.typists.stopped(message.from)
    if (isNews && !this.#seen && message.from !== this.me.user) this.#unread++
    this.#changed()
  }

  async #deliver (key: string, text: string): Promise<void> {
    this.#changed()
    try {
      const { id } = await this.#channel.send('message.send', { text })
      this.messages.confirmed(key, id)
    } catch {
      this.messages.failed(key)
    }
    this.#changed()
  }

  // A lost typing event needs no message: the next one follows soon, and the last one expires.
  #tell (active: boolean): void {
    this.#channel.trySend('typing', { active })
  }
}
