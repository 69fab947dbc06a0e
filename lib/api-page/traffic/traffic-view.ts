import { button, element } from '../browser/element.ts'
import { kindOf } from './message-issue.ts'
import { maxEntries, type Traffic, type TrafficEntry } from './traffic.ts'

/** The list of messages. It is no live region, because a screen reader would read nothing else. */
export class TrafficView {
  readonly element: HTMLElement
  readonly #list = element('ol', { class: 'entries' })
  readonly #count = element('span', {}, '0')
  /** The messages that came while the list was paused. */
  #held: TrafficEntry[] | undefined

  constructor (traffic: Traffic) {
    const pause = button('Pause', () => {
      this.#toggle()
      pause.setAttribute('aria-pressed', String(this.#held !== undefined))
    })
    pause.setAttribute('aria-pressed', 'false')
    const clear = button('Clear', () => {
      this.#list.replaceChildren()
      this.#showCount()
    })
    const heading = element('summary', {}, 'Traffic: ', this.#count, ' messages')
    this.element = element('details', { class: 'traffic', 'aria-label': 'Traffic' }, heading,
      element('div', { class: 'actions' }, pause, clear), this.#list)
    traffic.onEntry((entry) => {
      if (this.#held) this.#held = [...this.#held, entry].slice(-maxEntries)
      else this.#show([entry])
    })
  }

  #toggle (): void {
    const held = this.#held
    this.#held = held ? undefined : []
    this.#show(held ?? [])
  }

  /** The newest message is the first. */
  #show (entries: readonly TrafficEntry[]): void {
    for (const entry of entries) this.#list.prepend(entryElement(entry))
    while (this.#list.childElementCount > maxEntries) this.#list.lastElementChild?.remove()
    this.#showCount()
  }

  #showCount (): void {
    this.#count.textContent = String(this.#list.childElementCount)
  }
}

/** Of a long message only the beginning is shown, so that many of them stay small. */
const maxShown = 4_000

const shortened = (text: string) => text.length > maxShown ? `${text.slice(0, maxShown)}…` : text

function entryElement (entry: TrafficEntry): HTMLElement {
  const { direction, at, bytes, envelope, request, issue, text } = entry
  const arrow = direction === 'sent' ? '↑' : '↓'
  const answers = request ? ` to ${request.envelope?.type} after ${at - request.at} ms` : ''
  const heading = `${arrow} ${kindOf(entry)}: ${envelope?.type ?? 'no message'}${answers}`
  const about = [envelope?.channel, `${bytes} B`, new Date(at).toISOString().slice(11, 23)]
  const isWrong = issue !== undefined || envelope?.type === 'error'
  return element('li', { 'data-kind': kindOf(entry), 'data-type': envelope?.type },
    element('strong', { class: isWrong && 'bad' }, heading), ' ',
    element('small', {}, about.filter((part) => part !== undefined && part !== null).join(' · ')), ' ',
    issue === undefined
      ? element('span', { class: 'good' }, 'valid')
      : element('span', { class: 'bad' }, `invalid: ${issue}`),
    element('pre', {}, element('code', {}, shortened(text))))
}
