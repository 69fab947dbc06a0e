import { find } from '../../page/dom.ts'
import { isRoomName, roomName } from './room-name.ts'

const reasons: Readonly<Record<string, string>> = {
  forbidden: 'You may not enter that room.',
  unknown_channel: 'There is no such room.'
}

/** The form to join a room, with the reason when that failed. */
export class JoinForm {
  readonly #form = find(document, '#join', HTMLFormElement)
  readonly #room = find(document, '#join-room', HTMLInputElement)
  readonly #problem = find(document, '#join-problem', HTMLElement)
  #busy = false

  constructor (join: (room: string) => Promise<void>) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#submit(join)
    })
  }

  focus (): void {
    this.#room.focus()
  }

  /** Shows why a join failed; an empty text clears the message. */
  say (problem: string): void {
    this.#problem.textContent = problem
    this.#room.setAttribute('aria-invalid', String(problem !== ''))
  }

  async #submit (join: (room: string) => Promise<void>): Promise<void> {
    const room = roomName(this.#room.value)
    if (!isRoomName(room)) return this.say('Use letters, digits and hyphens, at most 40.')
    if (this.#busy) return
    this.#busy = true
    this.say('')
    try {
      await join(room)
      this.#room.value = ''
    } catch (error) {
      this.say(problemOf(error))
    }
    this.#busy = false
  }
}

/** The reason of a failed join, in words. */
export function problemOf (error: unknown): string {
  const { code } = error as { code?: string }
  return reasons[code ?? ''] ?? 'That did not work. Try again.'
}
