import { button, element, labelled } from '../browser/element.ts'
import type { CheckedSchema } from '../contracts/page-contracts.ts'
import { parsed, type Field } from '../form/field.ts'
import { makeField } from '../form/make-field.ts'
import { firstIssue } from '../issues/first-issue.ts'

/** A value with its first mistake, or why there is none: a text that is no JSON. */
export interface Edited {
  readonly value: unknown
  readonly issue: string | undefined
  readonly isJson: boolean
}

/** Edits a value of a schema as a form or as JSON, and says at once what is wrong with it. */
export class PayloadEditor {
  readonly element = element('div', { class: 'payload' })
  readonly #checked: CheckedSchema
  readonly #changed: (edited: Edited) => void
  readonly #parts = element('div')
  readonly #mode = element('input', { type: 'checkbox' })
  readonly #label: string
  #field: Field

  constructor (checked: CheckedSchema, label: string, changed: (edited: Edited) => void) {
    this.#checked = checked
    this.#label = label
    this.#changed = changed
    this.#field = this.#fieldOf(checked.example)
    this.#mode.addEventListener('input', (event) => {
      event.stopPropagation()
      this.#switch()
    })
    const reset = button('Example', () => {
      this.#mode.checked = false
      this.#show(this.#fieldOf(checked.example))
    })
    this.element.append(
      element('div', { class: 'actions' }, labelled('edit as JSON', this.#mode), reset), this.#parts
    )
    this.element.addEventListener('input', () => this.#changed(this.edited))
    this.#parts.append(this.#field.element)
  }

  get edited (): Edited {
    try {
      const { value } = this.#field
      const issue = firstIssue(this.#checked, value)
      return { value, issue: issue && `${issue.path}: ${issue.message}`, isJson: true }
    } catch (error) {
      return { value: undefined, issue: `not JSON: ${(error as Error).message}`, isJson: false }
    }
  }

  /** A text that is no JSON stays until it is one. */
  #switch (): void {
    const { value, isJson } = this.edited
    if (!isJson) {
      this.#mode.checked = true
      return
    }
    this.#show(this.#mode.checked ? jsonOf(value) : this.#fieldOf(value))
  }

  #show (field: Field): void {
    this.#field = field
    this.#parts.replaceChildren(field.element)
    this.#changed(this.edited)
  }

  #fieldOf (value: unknown): Field {
    return makeField(this.#checked.schema, value, this.#label)
  }
}

function jsonOf (value: unknown): Field {
  const control = element('textarea', { rows: 8, spellcheck: 'false', class: 'json' })
  control.value = value === undefined ? '' : JSON.stringify(value, null, 2)
  return { element: labelled('payload as JSON', control), get value () { return parsed(control.value) } }
}
