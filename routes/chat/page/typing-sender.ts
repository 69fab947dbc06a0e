import type { Clock, Timer } from '../../clock.ts'

/** Sends `active: true` at most once in this time. */
const window = 3000

/** Tells the other members that this user is typing, at intervals and not for each key. */
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

  /** Sends nothing from now on. */
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

  // Without this, a typist who stops and starts again within the interval would show only at a later key.
  #mayAgain (): void {
    this.#quiet = undefined
    if (this.#held) this.#start()
  }
}
