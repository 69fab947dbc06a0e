import { avatar } from './avatar.ts'
import { Composer } from './composer.ts'
import { find, fromTemplate } from '../../page/dom.ts'
import { LogView } from './log-view.ts'
import type { Member, Room } from './room.ts'
import { typingLine } from './typing-watch.ts'

/** The panel of one room: its messages, its members and the input. */
export class RoomView {
  readonly element = fromTemplate('room')
  readonly #room: Room
  readonly #log: LogView
  readonly #composer: Composer
  #members = ''

  constructor (room: Room, leave: () => void) {
    this.#room = room
    this.#name(room.name)
    this.#log = new LogView(room, this.element)
    this.#composer = new Composer(room, this.element, () => this.#log.toEnd())
    this.#part('.leave').addEventListener('click', leave)
  }

  render (): void {
    this.#log.render()
    this.#part('.typing').textContent = typingLine(this.#room.typists.names)
    this.#renderMembers(this.#room.members)
  }

  show (shown: boolean): void {
    this.element.hidden = !shown
  }

  focus (): void {
    this.#composer.focus()
  }

  #name (name: string): void {
    this.element.id = `room-${name}`
    this.element.setAttribute('aria-labelledby', `tab-${name}`)
    this.#part('.room-name').textContent = name
    this.#part('.leave').setAttribute('aria-label', `Leave ${name}`)
    this.#part('.log').setAttribute('aria-label', `Messages in ${name}`)
  }

  // Every message and every typing event renders the room, but its members seldom change.
  #renderMembers (members: readonly Member[]): void {
    const now = JSON.stringify(members)
    if (now === this.#members) return
    this.#members = now
    this.#part('.count').textContent = String(members.length)
    this.#part('.members ul').replaceChildren(...members.map((member) => this.#member(member)))
  }

  #member ({ user, name }: Member): HTMLElement {
    const element = fromTemplate('member')
    element.prepend(avatar(user, name))
    find(element, '.name', HTMLElement).textContent = name
    find(element, '.you', HTMLElement).hidden = user !== this.#room.me.user
    return element
  }

  #part (selector: string): HTMLElement {
    return find(this.element, selector, HTMLElement)
  }
}
