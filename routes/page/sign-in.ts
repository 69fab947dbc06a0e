import { find } from './dom.ts'
import { signIn, type Session } from './session.ts'

/** Asks for a name until the server accepts one. */
export function askForName (welcome: (session: Session) => void): void {
  const page = find(document, '#sign-in', HTMLElement)
  const name = find(page, '#name', HTMLInputElement)
  page.hidden = false
  name.focus()
  find(page, 'form', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      const session = await signIn(name.value.trim())
      page.hidden = true
      welcome(session)
    } catch {
      find(page, '#name-problem', HTMLElement).textContent = 'That did not work. Try again.'
    }
  })
}
