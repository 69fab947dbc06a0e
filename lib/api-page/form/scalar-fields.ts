import type { PageSchema } from '../contracts/page-schema.ts'
import { element, labelled } from '../browser/element.ts'
import { parsed, type Field } from './field.ts'

export function textField (schema: PageSchema, value: unknown, label: string): Field {
  const isLong = (schema['maxLength'] as number | undefined ?? 0) > 200
  const control = isLong ? element('textarea', { rows: 3 }) : element('input', { type: 'text', autocomplete: 'off' })
  control.value = typeof value === 'string' ? value : ''
  return { element: labelled(label, control), get value () { return control.value } }
}

/** A text that is no number stays a text, so that the check finds it. */
export function numberField (_: PageSchema, value: unknown, label: string): Field {
  const control = element('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off' })
  control.value = typeof value === 'number' ? String(value) : ''
  return {
    element: labelled(label, control),
    get value () {
      const text = control.value.trim()
      if (text === '') return undefined
      return Number.isFinite(Number(text)) ? Number(text) : text
    }
  }
}

export function booleanField (_: PageSchema, value: unknown, label: string): Field {
  const control = element('input', { type: 'checkbox' })
  control.checked = value === true
  return { element: labelled(label, control), get value () { return control.checked } }
}

/** A value that is always the same. */
export function fixedField (schema: PageSchema, _: unknown, label: string): Field {
  const value = schema.kind === 'Null' ? null : schema.const
  const shown = element('code', {}, JSON.stringify(value))
  return { element: element('div', { class: 'field' }, element('span', {}, label), shown), value }
}

/** One of several fixed values. */
export function choiceField ({ anyOf = [] }: PageSchema, value: unknown, label: string): Field {
  const values = anyOf.map((variant) => variant.kind === 'Null' ? null : variant.const)
  const options = values.map((choice, i) => element('option', { value: i }, JSON.stringify(choice)))
  const control = element('select', {}, ...options)
  control.selectedIndex = Math.max(0, values.indexOf(value as never))
  return { element: labelled(label, control), get value () { return values[control.selectedIndex] } }
}

/** JSON as text, for values of any form. */
export function jsonField (_: PageSchema, value: unknown, label: string): Field {
  const control = element('textarea', { rows: 4, spellcheck: 'false', class: 'json' })
  control.value = value === undefined ? '' : JSON.stringify(value, null, 2)
  return { element: labelled(`${label} as JSON`, control), get value () { return parsed(control.value) } }
}
