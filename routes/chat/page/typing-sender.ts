import type { Clock, Timer } from '../../clock.ts'

/** At most one `active: true` in this time. */
const window = 3000

/** Tells the others that this user is typing, now and then rather than at each key. */
export class TypingSender {
  readonly #clock: Clock
  readonly #send: (active: boolean) => void
  #active = false
  #quiet: Timer
  #held = false

  constructor (clock: Clock, send: (active: boolean) => void) {
    this.#clock = clock
    this.#send = send
  }

  /** The draft changed. */
  input (draft: string): void {
    if (draft.trim() === '') this.stop()
    else if (this.#quiet === undefined) this.#start()
    else this.#held = !this.#active
  }

  /** The draft was sent, emptied or left. */
  stop (): void {
    this.#held = false
    if (!this.#active) return
    this.#active = false
    this.#send(false)
  }

  /** Nothing more is sent, ever. */
  end (): void {
    this.#clock.clearTimeout(this.#quiet)
    this.#active = this.#held = false
  }

  #start (): void {
    this.#active = true
    this.#held = false
    this.#quiet = this.#clock.setTimeout(() => this.#mayAgain(), window)
    this.#send(true)
  }

  // Who stopped and began anew within the window would else be seen typing only at a later key.
  #mayAgain (): void {
    this.#quiet = undefined
    if (this.#held) this.#start()
  }
}
