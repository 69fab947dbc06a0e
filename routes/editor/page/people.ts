import { find } from '../../page/dom.ts'
import type { DocumentChannel } from './connect.ts'

/** Lists the present users, each in the colour of the cursor. */
export function showPeople (presence: DocumentChannel['presence']): void {
  const people = [...presence].sort((a, b) => a.data.name.localeCompare(b.data.name))
  find(document, '#people', HTMLElement).replaceChildren(...people.map(({ data }) => {
    const person = document.createElement('li')
    person.className = `hue-${data.colour}`
    person.textContent = data.name
    return person
  }))
}
