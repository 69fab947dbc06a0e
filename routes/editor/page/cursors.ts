import { StateEffect, StateField, type ChangeDesc, type EditorState, type Range } from '@codemirror/state'
import { Decoration, EditorView, WidgetType, type DecorationSet } from '@codemirror/view'

/** Another user's cursor in the visible text. */
export interface Cursor {
  readonly name: string
  readonly colour: number
  readonly anchor: number
  readonly head: number
}

/** A user's cursor moved. */
export const moveCursor = StateEffect.define<Cursor & { readonly user: string }>()
/** Keeps the cursors of these users only. */
export const keepCursors = StateEffect.define<ReadonlySet<string>>()

type Cursors = ReadonlyMap<string, Cursor>

const cursors = StateField.define<Cursors>({
  create: () => new Map(),
  update: (before, { docChanged, changes, effects }) => {
    let now = docChanged ? mapped(before, changes) : before
    for (const effect of effects) {
      if (effect.is(moveCursor)) now = new Map(now).set(effect.value.user, effect.value)
      if (effect.is(keepCursors)) now = new Map([...now].filter(([user]) => effect.value.has(user)))
    }
    return now
  },
  provide: (field) => EditorView.decorations.compute([field], (state) => decorations(state, state.field(field)))
})

/** The cursors and selections of other users. They move with the text around them. */
export function remoteCursors () {
  return cursors
}

function mapped (before: Cursors, changes: ChangeDesc): Cursors {
  return new Map([...before].map(([user, cursor]) =>
    [user, { ...cursor, anchor: changes.mapPos(cursor.anchor, 1), head: changes.mapPos(cursor.head, 1) }]))
}

function decorations (state: EditorState, cursors: Cursors): DecorationSet {
  return Decoration.set([...cursors.values()].flatMap((cursor) => drawn(cursor, state.doc.length)), true)
}

function drawn ({ name, colour, anchor, head }: Cursor, length: number): Array<Range<Decoration>> {
  const [from, to, at] = [
    Math.min(anchor, head, length), Math.min(Math.max(anchor, head), length), Math.min(head, length)
  ]
  const caret = Decoration.widget({ widget: new Caret(name, colour), side: 1 }).range(at)
  return from === to ? [caret] : [Decoration.mark({ class: `selected hue-${colour}` }).range(from, to), caret]
}

class Caret extends WidgetType {
  readonly name: string
  readonly colour: number

  constructor (name: string, colour: number) {
    super()
    this.name = name
    this.colour = colour
  }

  override eq (other: Caret): boolean {
    return other.name === this.name && other.colour === this.colour
  }

  override toDOM (): HTMLElement {
    const caret = document.createElement('span')
    caret.className = `cursor hue-${this.colour}`
    caret.setAttribute('aria-hidden', 'true')
    const label = document.createElement('span')
    label.textContent = this.name
    caret.append(label)
    return caret
  }
}
