import { Window } from 'happy-dom'
import { WebSocket } from 'ws'
import type { Test } from 'tap'

/** What people do on a page: the elements of one document, found by what they say. */
export class TestPage {
  readonly root: HTMLElement

  constructor (root: HTMLElement) {
    this.root = root
  }

  all<E extends HTMLElement = HTMLElement> (selector: string): E[] {
    return [...this.root.querySelectorAll<E>(selector)]
  }

  /** The control with that label. */
  control (label: string): HTMLInputElement {
    const found = this.all<HTMLLabelElement>('label').find(({ textContent }) => textContent === label)
    return this.#only(found && this.root.querySelector<HTMLInputElement>(`[id="${found.htmlFor}"]`), label)
  }

  type (label: string, text: string): void {
    const control = this.control(label)
    control.value = text
    announce(control)
  }

  choose (label: string, index: number): void {
    const control = this.control(label) as unknown as HTMLSelectElement
    control.selectedIndex = index
    announce(control)
  }

  toggle (label: string): void {
    const control = this.control(label)
    control.checked = !control.checked
    announce(control)
  }

  button (words: string): HTMLButtonElement {
    return this.#only(this.all<HTMLButtonElement>('button').find(({ textContent }) => textContent === words), words)
  }

  click (words: string): void {
    this.button(words).click()
  }

  submit (): void {
    this.root.dispatchEvent(new Event('submit', { cancelable: true }))
  }

  form (label: string): TestPage {
    return new TestPage(this.#only(this.all('form').find((form) => form.getAttribute('aria-label') === label), label))
  }

  get text (): string {
    return this.root.textContent ?? ''
  }

  #only<T> (found: T | null | undefined, what: string): T {
    if (!found) throw new Error(`there is no ${what} in ${this.root.innerHTML}`)
    return found
  }
}

const announce = (control: HTMLElement) => control.dispatchEvent(new Event('input', { bubbles: true }))

/** Makes Node a browser with an empty page, until the test is over. Returns the texts that are copied. */
export function becomeBrowser (t: Test, url = 'http://localhost/asyncapi'): { copied: string[], hasClipboard: boolean } {
  const window = new Window({ url })
  const state = { copied: [] as string[], hasClipboard: true }
  const clipboard = { writeText: async (text: string) => { state.copied.push(text) } }
  const given = {
    document: window.document,
    location: window.location,
    Event: window.Event,
    WebSocket,
    navigator: { get clipboard () { return state.hasClipboard ? clipboard : undefined } }
  }
  for (const [name, value] of Object.entries(given)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
    t.teardown(() => {
      if (before) Object.defineProperty(globalThis, name, before)
      else delete (globalThis as Record<string, unknown>)[name]
    })
  }
  return state
}
