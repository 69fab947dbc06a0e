import { find } from '../../page/dom.ts'
import { currentSession, type Session } from '../../page/session.ts'
import { askForName } from '../../page/sign-in.ts'
import { openClient } from './connect.ts'
import { showConnection } from './connection-view.ts'
import { documentName, showDocumentName } from './document-name.ts'
import { EditorPage } from './editor-page.ts'

const session = currentSession()
if (session === undefined) askForName(start)
else start(session)

async function start (me: Session): Promise<void> {
  find(document, '#editor', HTMLElement).hidden = false
  const id = documentName()
  const page = new EditorPage(id, me)
  const client = openClient(me)
  showDocumentName(id, (problem) => page.say(problem))
  showConnection(client)
  try {
    await page.open(client, id)
  } catch {
    page.say('The document could not be opened. Reload to try again.')
  }
}
