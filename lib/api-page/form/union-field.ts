import type { PageSchema } from '../contracts/page-schema.ts'
import { changed, element, labelled } from '../browser/element.ts'
import { issueIn } from '../issues/first-issue.ts'
import { firstValue, type Field, type MakeField } from './field.ts'
import { group } from './object-field.ts'

/** A value of one of several forms, which people choose. */
export function unionField ({ anyOf = [] }: PageSchema, value: unknown, label: string, make: MakeField): Field {
  const matching = anyOf.findIndex((schema) => !issueIn(schema, value))
  const options = anyOf.map((variant, i) => element('option', { value: i }, nameOf(variant, i)))
  const control = element('select', {
    input: (event) => {
      event.stopPropagation()
      show(firstValue(anyOf[control.selectedIndex] as PageSchema))
      changed(place)
    }
  }, ...options)
  control.selectedIndex = Math.max(0, matching)
  const place = element('div')
  let field: Field
  const show = (inner: unknown) => {
    field = make(anyOf[control.selectedIndex] as PageSchema, inner, label)
    place.replaceChildren(field.element)
  }
  show(value)
  return { element: group(label, labelled('form', control), place), get value () { return field.value } }
}

/** What people choose by: the title of a variant, its fixed members, or its kind. */
function nameOf ({ title, kind, properties = {} }: PageSchema, i: number): string {
  const fixed = Object.entries(properties).filter(([, property]) => property.kind === 'Literal')
    .map(([name, property]) => `${name}: ${JSON.stringify(property.const)}`)
  return `${i + 1}. ${title ?? (fixed.length > 0 ? fixed.join(', ') : kind.toLowerCase())}`
}
