import type { Clock, Timer } from '../../clock.ts'

/** Twice the interval between two typing events, because one may be lost. A vanished typist expires. */
const expiry = 6000

interface Typist { readonly name: string, readonly timer: Timer }

/** The other members who are typing. */
export class TypingWatch {
  readonly #clock: Clock
  readonly #changed: () => void
  readonly #typists = new Map<string, Typist>()

  constructor (clock: Clock, changed: () => void) {
    this.#clock = clock
    this.#changed = changed
  }

  get names (): string[] {
    return [...this.#typists.values()].map(({ name }) => name)
  }

  typing (user: string, name: string): void {
    this.#forget(user)
    this.#typists.set(user, { name, timer: this.#clock.setTimeout(() => this.stopped(user), expiry) })
    this.#changed()
  }

  stopped (user: string): void {
    if (this.#forget(user)) this.#changed()
  }

  /** Forgets every typist who is not one of `users`. */
  keep (users: ReadonlySet<string>): void {
    for (const user of this.#typists.keys()) if (!users.has(user)) this.stopped(user)
  }

  end (): void {
    for (const user of this.#typists.keys()) this.#forget(user)
  }

  #forget (user: string): boolean {
    this.#clock.clearTimeout(this.#typists.get(user)?.timer)
    return this.#typists.delete(user)
  }
}

/** A sentence about the typists. */
export function typingLine (names: readonly string[]): string {
  const [first, second] = names
  if (first === undefined) return ''
  if (second === undefined) return `${first} is typing…`
  return names.length === 2 ? `${first} and ${second} are typing…` : 'Several people are typing…'
}
