import { systemClock } from '../../clock.ts'
import { find } from '../../page/dom.ts'
import type { Session } from '../../page/session.ts'
import { joinDocument, type Client, type DocumentChannel } from './connect.ts'
import { keepCursors, moveCursor } from './cursors.ts'
import { Draft, type Departing } from './draft.ts'
import { showPeople } from './people.ts'
import { Sender, type Outcome } from './sender.ts'
import { TextView } from './text-view.ts'
import { RemoteCursors } from './remote-cursors.ts'

/** One document in this window. It sends local edits and shows those of others. */
export class EditorPage {
  /** The id of this page load. After a reload the page is another client. */
  readonly #clientId = randomId()
  readonly #draft: Draft
  readonly #view: TextView
  readonly #sender: Sender
  readonly #others: RemoteCursors
  readonly #saved = find(document, '#saved', HTMLElement)
  readonly #problem = find(document, '#problem', HTMLElement)
  #channel: DocumentChannel | undefined
  /** Sends one cursor message at a time: the newest position, once the previous message has arrived. */
  #telling: Promise<unknown> | undefined
  #hasMoved = false

  constructor (id: string, session: Session) {
    this.#draft = new Draft(() => `${session.user}.${this.#clientId}`)
    this.#others = new RemoteCursors(this.#draft, (user, anchor, head) => this.#showCursor(user, anchor, head))
    this.#sender = new Sender({
      next: () => this.#draft.next(),
      send: (edit) => this.#send(edit),
      refused: () => this.#refused()
    }, systemClock)
    this.#view = new TextView(find(document, '#text', HTMLElement), `Text of ${id}`, {
      wrote: (changes) => {
        this.#draft.write(changes)
        this.#sender.flush()
        this.#showSaved()
      },
      moved: () => this.#tellCursor()
    })
  }

  /** Rejects when the document cannot be joined. */
  async open (client: Client, id: string): Promise<void> {
    const channel = await joinDocument(client, id, (resync) => {
      this.#view.change(this.#draft.begin(resync))
      this.#sender.reconnected()
    })
    this.#channel = channel
    channel.on('edited', (edited, { offset, hash }) => {
      this.#view.change(this.#draft.logged({ ...edited, offset, hash }))
      this.#others.advance()
      this.#sender.flush()
      this.#showSaved()
    })
    channel.on('moved', (moved) => this.#others.moved(moved))
    channel.onRecovered(() => this.#sender.reconnected())
    channel.onPresence(() => this.#showPeople())
    channel.onLeft(({ code }) => this.say(`You were taken out of the document (${code}). Reload to try again.`))
    this.#showPeople()
    this.#sender.reconnected()
    this.#view.focus()
  }

  say (problem: string): void {
    this.#problem.textContent = problem
  }

  async #send (edit: Departing): Promise<Outcome> {
    const result = await this.#channel?.trySend(
      'edit', { ...edit, clientId: this.#clientId, changes: edit.changes as never }
    )
    if (result?.ok) return 'taken'
    return result && ['invalid_edit', 'invalid_payload'].includes(result.error.code) ? 'refused' : 'later'
  }

  #refused (): void {
    this.#view.change(this.#draft.refused())
    this.say('The server did not take what you wrote last, and it was undone.')
  }

  // A lost cursor message needs no report: the next one follows soon.
  async #tellCursor (): Promise<void> {
    this.#hasMoved = true
    if (this.#telling) return
    while (this.#hasMoved && this.#channel) {
      this.#hasMoved = false
      const { anchor, head } = this.#view.selection
      const places = { anchor: this.#draft.toServer(anchor), head: this.#draft.toServer(head) }
      this.#telling = this.#channel.trySend(
        'cursor', { clientId: this.#clientId, version: this.#draft.version, ...places }
      )
      await this.#telling
    }
    this.#telling = undefined
  }

  #showCursor (user: string, anchor: number, head: number): void {
    const data = this.#channel?.presence.find((present) => present.user === user)?.data
    if (data) this.#view.show(moveCursor.of({ ...data, user, anchor, head }))
  }

  #showPeople (): void {
    const { presence } = this.#channel as DocumentChannel
    showPeople(presence)
    this.#view.show(keepCursors.of(new Set(presence.map(({ user }) => user))))
  }

  #showSaved (): void {
    this.#saved.textContent = this.#draft.isSaved ? 'Saved' : 'Saving…'
  }
}

// `crypto.randomUUID` is missing where the page was loaded without TLS from another machine.
function randomId (): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join('')
}
