import type { PageSchema } from '../contracts/page-schema.ts'
import { button, changed, element, labelled } from '../browser/element.ts'
import { firstValue, type Field, type MakeField } from './field.ts'

type Members = Readonly<Record<string, unknown>>

export const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Members : {}

/** An object with a field for each property. One that is optional can be left out. */
export function objectField (schema: PageSchema, value: unknown, label: string, make: MakeField): Field {
  const { properties = {}, required = [] } = schema
  const members = membersOf(value)
  const fields = Object.entries(properties).filter(([, { kind }]) => kind !== 'Never').map(([name, property]) => {
    const field = required.includes(name)
      ? make(property, members[name], name)
      : optionalField(property, members[name], name, make)
    return [name, field] as const
  })
  return {
    element: group(label, ...fields.map(([, field]) => field.element)),
    get value () {
      const present = fields.map(([name, field]) => [name, field.value] as const)
      return Object.fromEntries(present.filter(([, member]) => member !== undefined))
    }
  }
}

/** Parts of a form with a heading. */
export function group (label: string, ...parts: readonly HTMLElement[]): HTMLElement {
  return element('fieldset', {}, element('legend', {}, label), ...parts)
}

function optionalField (schema: PageSchema, value: unknown, name: string, make: MakeField): Field {
  let field = value === undefined ? undefined : make(schema, value, name)
  const whole = element('div', { class: 'optional' })
  const control = element('input', {
    type: 'checkbox',
    input: () => {
      field = control.checked ? make(schema, firstValue(schema), name) : undefined
      show()
    }
  })
  control.checked = field !== undefined
  const choice = labelled(`with ${name}`, control)
  const show = () => whole.replaceChildren(choice, ...field ? [field.element] : [])
  show()
  return { element: whole, get value () { return field?.value } }
}

/** An object whose names are free. */
export function recordField (schema: PageSchema, value: unknown, label: string, make: MakeField): Field {
  const [member] = Object.values(schema.patternProperties as object) as [PageSchema]
  const rows = new Set<{ readonly name: HTMLInputElement, readonly field: Field }>()
  const list = element('div')
  const add = (key: string, inner: unknown) => {
    const name = element('input', { type: 'text', autocomplete: 'off' })
    name.value = key
    const row = { name, field: make(member, inner, 'value') }
    rows.add(row)
    const line = element('div', { class: 'row' }, labelled('name', name), row.field.element, button('Remove', () => {
      rows.delete(row)
      line.remove()
      changed(list)
    }))
    list.append(line)
  }
  for (const [key, inner] of Object.entries(membersOf(value))) add(key, inner)
  const adding = button(`Add to ${label}`, () => {
    add('', firstValue(member))
    changed(list)
  })
  return {
    element: group(label, list, adding),
    get value () { return Object.fromEntries([...rows].map(({ name, field }) => [name.value, field.value])) }
  }
}
