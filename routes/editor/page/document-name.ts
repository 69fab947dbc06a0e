import { find } from '../../page/dom.ts'

/** The document that the URL names: `?doc=minutes`. */
export function documentName (): string {
  const name = new URLSearchParams(location.search).get('doc') ?? ''
  return isDocumentName(name) ? name : 'welcome'
}

/** Whether the contract allows this name for a document. The schema itself stays on the server. */
export function isDocumentName (text: string): boolean {
  return /^[a-z0-9-]{1,40}$/.test(text)
}

/** Lets the user switch to another document. Calls `say` with the reason when that is not possible. */
export function showDocumentName (name: string, say: (problem: string) => void): void {
  const form = find(document, '#open', HTMLFormElement)
  const input = find(form, '#doc', HTMLInputElement)
  input.value = name
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const wanted = input.value.trim().toLowerCase().replace(/\s+/g, '-')
    if (isDocumentName(wanted)) location.search = `?doc=${wanted}`
    else say('The name of a document is made of letters, digits and hyphens, at most 40 of them.')
  })
}
