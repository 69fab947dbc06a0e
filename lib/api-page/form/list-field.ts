import type { PageSchema } from '../contracts/page-schema.ts'
import { button, changed, element } from '../browser/element.ts'
import { firstValue, type Field, type MakeField } from './field.ts'
import { group } from './object-field.ts'

/** A list whose items are added and removed. */
export function listField (schema: PageSchema, value: unknown, label: string, make: MakeField): Field {
  const item = schema.items as PageSchema
  const fields = new Set<Field>()
  const list = element('div')
  const add = (inner: unknown) => {
    const field = make(item, inner, 'item')
    fields.add(field)
    const line = element('div', { class: 'row' }, field.element, button('Remove', () => {
      fields.delete(field)
      line.remove()
      changed(list)
    }))
    list.append(line)
  }
  for (const inner of Array.isArray(value) ? value : []) add(inner)
  const adding = button(`Add to ${label}`, () => {
    add(firstValue(item))
    changed(list)
  })
  return { element: group(label, list, adding), get value () { return [...fields].map((field) => field.value) } }
}

/** A list of a fixed length, with a schema for each item. */
export function tupleField ({ items = [] }: PageSchema, value: unknown, label: string, make: MakeField): Field {
  const values = Array.isArray(value) ? value : []
  const fields = (items as readonly PageSchema[]).map((schema, i) => make(schema, values[i], `item ${i + 1}`))
  return {
    element: group(label, ...fields.map((field) => field.element)),
    get value () { return fields.map((field) => field.value) }
  }
}
