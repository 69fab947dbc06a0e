import { find, fromTemplate } from '../../page/dom.ts'

/** The tab of one room, with the number of unread messages. */
export class Tab {
  readonly element = fromTemplate('tab')

  constructor (name: string, select: () => void) {
    this.element.id = `tab-${name}`
    this.element.setAttribute('aria-controls', `room-${name}`)
    find(this.element, '.tab-name', HTMLElement).textContent = name
    this.element.addEventListener('click', select)
  }

  show (selected: boolean): void {
    this.element.setAttribute('aria-selected', String(selected))
    // One stop for the Tab key; the arrows go from tab to tab.
    this.element.tabIndex = selected ? 0 : -1
    if (selected) this.element.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  showUnread (unread: number): void {
    const badge = find(this.element, '.unread', HTMLElement)
    badge.hidden = unread === 0
    find(badge, '.number', HTMLElement).textContent = unread > 99 ? '99+' : String(unread)
  }
}

/** Arrow keys, Home and End among the tabs of `list`: the tab they reach is selected. */
export function moveByKeys (list: HTMLElement): void {
  list.addEventListener('keydown', (event) => {
    const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')]
    const from = tabs.indexOf(document.activeElement as HTMLElement)
    const to = target(event.key, from, tabs.length)
    if (from === -1 || to === undefined) return
    event.preventDefault()
    tabs[to]?.focus()
    tabs[to]?.click()
  })
}

function target (key: string, from: number, length: number): number | undefined {
  switch (key) {
    case 'ArrowDown': case 'ArrowRight': return (from + 1) % length
    case 'ArrowUp': case 'ArrowLeft': return (from - 1 + length) % length
    case 'Home': return 0
    case 'End': return length - 1
  }
}
