import { arrange, find } from '../../page/dom.ts'
import type { Entry } from './message-list.ts'
import { MessageView } from './message-view.ts'
import type { Room } from './room.ts'

/** Messages of one author closer than this read as one. */
const together = 5 * 60_000

/** The messages of a room. It stays scrolled to the newest message until the reader scrolls away from it. */
export class LogView {
  readonly #room: Room
  readonly #log: HTMLElement
  #views = new Map<string, MessageView>()
  #following = true

  constructor (room: Room, root: HTMLElement) {
    this.#room = room
    this.#log = find(root, '.log', HTMLElement)
    this.#log.addEventListener('scroll', () => this.#scrolled())
    new ResizeObserver(() => this.#follow()).observe(this.#log)
  }

  render (): void {
    const { entries } = this.#room.messages
    this.#views = new Map(entries.map((entry) => [entry.key, this.#views.get(entry.key) ?? this.#view(entry)]))
    entries.forEach((entry, i) => this.#views.get(entry.key)?.show(entry, follows(entry, entries[i - 1])))
    arrange(find(this.#log, '.messages', HTMLElement), [...this.#views.values()].map(({ element }) => element))
    find(this.#log, '.nothing', HTMLElement).hidden = entries.length > 0
    this.#follow()
  }

  /** Scrolls back to the newest message, for example after the user sent one. */
  toEnd (): void {
    this.#following = true
    this.#follow()
  }

  #view (entry: Entry): MessageView {
    return new MessageView(entry, entry.from === this.#room.me.user, this.#room)
  }

  #follow (): void {
    if (this.#following) this.#log.scrollTop = this.#log.scrollHeight
  }

  #scrolled (): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#log
    // A hidden room has no height, so its scroll position says nothing about the reader.
    if (clientHeight > 0) this.#following = scrollHeight - scrollTop - clientHeight < 40
  }
}

function follows (entry: Entry, previous: Entry | undefined): boolean {
  return previous !== undefined && previous.from === entry.from && entry.at - previous.at < together
}
