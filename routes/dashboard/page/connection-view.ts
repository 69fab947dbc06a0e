import { find } from '../../chat/page/dom.ts'
import type { Client } from './connect.ts'
import type { Line } from './line.ts'

const words = {
  connecting: 'Connecting…',
  open: 'Live',
  recovering: 'Catching up…',
  closed: 'Disconnected'
} as const

/** Says whether the page is connected, and has the button that cuts it off and lets it catch up. */
export class ConnectionView {
  readonly #status = find(document, '#connection', HTMLElement)
  readonly #pause = find(document, '#pause', HTMLButtonElement)
  readonly #again = find(document, '#connect-again', HTMLButtonElement)
  readonly #client: Client
  readonly #line: Line

  constructor (client: Client, line: Line) {
    this.#client = client
    this.#line = line
    this.#pause.addEventListener('click', () => this.#toggle())
    this.#again.addEventListener('click', () => location.reload())
    client.onState(() => this.#show())
    this.#show()
  }

  #toggle (): void {
    if (this.#line.isCut) this.#line.mend()
    else this.#line.cut()
    this.#show()
  }

  #show (): void {
    const { state } = this.#client
    const isPaused = this.#line.isCut && state !== 'closed'
    this.#status.dataset['state'] = isPaused ? 'paused' : state
    find(this.#status, '.word', HTMLElement).textContent = isPaused ? 'Paused: cut off' : words[state]
    this.#pause.textContent = this.#line.isCut ? 'Resume' : 'Pause'
    this.#pause.hidden = state === 'closed'
    this.#again.hidden = state !== 'closed'
  }
}
