import type { Draft } from './draft.ts'

/** A user's cursor in the text of a version. */
export interface Moved {
  readonly clientId: string
  readonly version: number
  readonly anchor: number
  readonly head: number
}

/**
 * The cursors of other users, mapped to the visible text. A cursor of a newer version waits until that version arrives.
 */
export class RemoteCursors {
  readonly #draft: Draft
  readonly #show: (user: string, anchor: number, head: number) => void
  readonly #ahead = new Map<string, Moved>()

  constructor (draft: Draft, show: (user: string, anchor: number, head: number) => void) {
    this.#draft = draft
    this.#show = show
  }

  moved (moved: Moved): void {
    const user = moved.clientId.slice(0, moved.clientId.lastIndexOf('.'))
    if (moved.version > this.#draft.version) this.#ahead.set(user, moved)
    else this.#place(user, moved)
  }

  /** A newer version has arrived. */
  advance (): void {
    for (const [user, moved] of this.#ahead) {
      if (moved.version > this.#draft.version) continue
      this.#ahead.delete(user)
      this.#place(user, moved)
    }
  }

  #place (user: string, { version, anchor, head }: Moved): void {
    const places = this.#draft.fromServer(version, [anchor, head])
    if (places) this.#show(user, places[0] as number, places[1] as number)
  }
}
