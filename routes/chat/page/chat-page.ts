import { systemClock } from '../../clock.ts'
import { joinRoom, type Client } from './connect.ts'
import { find } from '../../page/dom.ts'
import { JoinForm, problemOf } from './join-form.ts'
import { MessageList } from './message-list.ts'
import { rememberRooms, type Remembered } from './open-rooms.ts'
import { RoomView } from './room-view.ts'
import { Room } from './room.ts'
import type { Person } from '../../page/session.ts'
import { moveByKeys, Tab } from './tab.ts'

interface Open { readonly room: Room, readonly view: RoomView, readonly tab: Tab, readonly leave: () => void }

/** The rooms of this window side by side, one of them in front. */
export class ChatPage {
  readonly #client: Client
  readonly #me: Person
  readonly #open = new Map<string, Open>()
  readonly #tabs = find(document, '#tabs', HTMLElement)
  readonly #panels = find(document, '#panels', HTMLElement)
  readonly #noRoom = find(document, '#no-room', HTMLElement)
  readonly #form = new JoinForm((room) => this.enter(room))
  #front: string | undefined

  constructor (client: Client, me: Person) {
    this.#client = client
    this.#me = me
    moveByKeys(this.#tabs)
    document.addEventListener('visibilitychange', () => this.#render())
  }

  /** Joins a room, unless it is open already, and brings it to the front. */
  async enter (name: string): Promise<void> {
    if (!this.#open.has(name)) await this.#join(name)
    this.#select(name)
    this.#open.get(name)?.view.focus()
  }

  /** Joins the rooms that were open before a reload and shows the one that was in front. */
  async restore ({ rooms, front }: Remembered): Promise<void> {
    const joins = await Promise.allSettled(rooms.map((room) => this.enter(room)))
    const failed = joins.find((join) => join.status === 'rejected')
    if (failed !== undefined) this.#form.say(problemOf(failed.reason))
    if (front !== undefined && this.#open.has(front)) await this.enter(front)
    this.#noRoom.textContent = 'You are in no room. Join one to talk.'
  }

  async #join (name: string): Promise<void> {
    const messages = new MessageList()
    const channel = await joinRoom(this.#client, name, (offset) => {
      messages.begin(offset)
      this.#render(name)
    })
    const room = new Room(name, { channel, messages, me: this.#me, clock: systemClock })
    channel.onLeft(() => this.#removed(name))
    this.#add(room, () => { channel.leave() })
  }

  #add (room: Room, leave: () => void): void {
    const tab = new Tab(room.name, () => this.#select(room.name))
    const view = new RoomView(room, () => this.#leave(room.name))
    this.#open.set(room.name, { room, view, tab, leave })
    this.#tabs.append(tab.element)
    this.#panels.append(view.element)
    room.onChange(() => this.#render(room.name))
  }

  #select (name: string | undefined): void {
    this.#front = name
    this.#render()
    rememberRooms({ rooms: [...this.#open.keys()], front: name })
  }

  #leave (name: string): void {
    this.#open.get(name)?.leave()
    this.#close(name)
    const next = this.#front === undefined ? this.#form : this.#open.get(this.#front)?.view
    next?.focus()
  }

  #removed (name: string): void {
    if (!this.#open.has(name)) return
    this.#close(name)
    this.#form.say(`You were taken out of ${name}.`)
  }

  #close (name: string): void {
    const closing = this.#open.get(name)
    closing?.room.end()
    closing?.tab.element.remove()
    closing?.view.element.remove()
    this.#open.delete(name)
    this.#select(this.#front === name ? [...this.#open.keys()].at(-1) : this.#front)
  }

  /** Shows the state of the connection and of every room. */
  #render (only?: string): void {
    for (const [name, { room, view, tab }] of this.#open) {
      room.look(name === this.#front && !document.hidden)
      tab.showUnread(room.unread)
      if (only !== undefined && only !== name) continue
      tab.show(name === this.#front)
      view.show(name === this.#front)
      view.render()
    }
    this.#noRoom.hidden = this.#open.size > 0
    this.#title()
  }

  #title (): void {
    const unread = [...this.#open.values()].reduce((sum, { room }) => sum + room.unread, 0)
    document.title = unread === 0 ? 'Chat' : `(${unread}) Chat`
  }
}
