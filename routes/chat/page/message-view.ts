import { avatar } from './avatar.ts'
import { find, fromTemplate } from '../../page/dom.ts'
import type { Entry } from './message-list.ts'

const clockTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** The actions that the user can take on a message that failed. */
export interface FailedActions {
  retry (key: string): void
  discard (key: string): void
}

/** One message on the page. */
export class MessageView {
  readonly element = fromTemplate('message')
  #shown: Entry | undefined

  constructor ({ key, from, name }: Entry, isOwn: boolean, actions: FailedActions) {
    this.element.classList.toggle('own', isOwn)
    this.element.prepend(avatar(from, name))
    this.#part('.author').textContent = isOwn ? 'You' : name
    this.#part('.retry').addEventListener('click', () => actions.retry(key))
    this.#part('.discard').addEventListener('click', () => actions.discard(key))
  }

  /** `follows`: the previous message has the same author, so the name is not repeated. */
  show (entry: Entry, follows: boolean): void {
    this.element.classList.toggle('follows', follows)
    if (entry === this.#shown) return
    this.#shown = entry
    this.element.dataset['delivery'] = entry.delivery
    this.#part('.text').textContent = entry.text
    this.#part('.sending').hidden = entry.delivery !== 'sending'
    this.#part('.failed').hidden = entry.delivery !== 'failed'
    this.#showTime(entry.at)
  }

  #showTime (at: number): void {
    const time = find(this.element, 'time', HTMLTimeElement)
    time.dateTime = new Date(at).toISOString()
    time.textContent = clockTime.format(at)
  }

  #part (selector: string): HTMLElement {
    return find(this.element, selector, HTMLElement)
  }
}
