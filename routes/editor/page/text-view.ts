import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { ChangeSet, EditorState, Transaction, type StateEffect } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { longestText } from '../changes.ts'
import { remoteCursors } from './cursors.ts'

export interface TextViewEvents {
  /** The user changed the text. */
  wrote (changes: ChangeSet): void
  /** The user moved the cursor or typed. */
  moved (): void
}

/** The text area: CodeMirror. Its undo history holds local edits only. */
export class TextView {
  readonly #view: EditorView

  constructor (parent: HTMLElement, label: string, events: TextViewEvents) {
    this.#view = new EditorView({
      parent,
      extensions: [
        history(),
        // Tab has no binding here, so that it moves on to the next control.
        keymap.of([...historyKeymap, ...defaultKeymap]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorState.changeFilter.of((tr) => tr.newDoc.length <= longestText || isFromElsewhere(tr)),
        EditorView.updateListener.of(({ transactions, selectionSet, docChanged }) => {
          const own = transactions.filter((tr) => !isFromElsewhere(tr))
          for (const { docChanged, changes } of own) if (docChanged) events.wrote(changes)
          if (own.length > 0 && (selectionSet || docChanged)) events.moved()
        }),
        remoteCursors()
      ]
    })
  }

  get selection (): { readonly anchor: number, readonly head: number } {
    return this.#view.state.selection.main
  }

  /** Shows the edits of other clients. Undo does not touch them. */
  change (changes: ChangeSet): void {
    if (changes.empty) return
    this.#view.dispatch({ changes, annotations: [Transaction.addToHistory.of(false), Transaction.remote.of(true)] })
  }

  /** Shows other users' cursors. */
  show (effect: StateEffect<unknown>): void {
    this.#view.dispatch({ effects: effect, annotations: Transaction.remote.of(true) })
  }

  focus (): void {
    this.#view.focus()
  }
}

function isFromElsewhere (tr: Transaction): boolean {
  return tr.annotation(Transaction.remote) === true
}
