import { find } from '../../page/dom.ts'
import type { Room } from './room.ts'

/** The input for a message. Enter sends it; Shift and Enter start a new line. */
export class Composer {
  readonly #room: Room
  readonly #form: HTMLFormElement
  readonly #draft: HTMLTextAreaElement
  readonly #sent: () => void

  constructor (room: Room, root: HTMLElement, sent: () => void) {
    this.#room = room
    this.#form = find(root, 'form.composer', HTMLFormElement)
    this.#draft = find(root, '.draft', HTMLTextAreaElement)
    this.#sent = sent
    this.#label(find(root, '.composer label', HTMLLabelElement))
    this.#listen()
  }

  focus (): void {
    this.#draft.focus()
  }

  #label (label: HTMLLabelElement): void {
    this.#draft.id = label.htmlFor = `draft-${this.#room.name}`
    label.textContent = this.#draft.placeholder = `Message #${this.#room.name}`
  }

  #listen (): void {
    this.#draft.addEventListener('input', () => this.#room.typing.input(this.#draft.value))
    this.#draft.addEventListener('blur', () => this.#room.typing.stop())
    this.#draft.addEventListener('keydown', (event) => this.#key(event))
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#send()
    })
  }

  #key (event: KeyboardEvent): void {
    // While an input method composes a character, Enter picks a candidate and must not send.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.#form.requestSubmit()
  }

  #send (): void {
    const text = this.#draft.value.trim()
    if (text === '') return
    this.#draft.value = ''
    this.#room.send(text)
    this.#sent()
    this.focus()
  }
}
