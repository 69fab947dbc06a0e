import { ChatPage } from './chat-page.ts'
import { openClient } from './connect.ts'
import { showConnection } from './connection-view.ts'
import { find } from '../../page/dom.ts'
import { rememberedRooms } from './open-rooms.ts'
import { askForName } from '../../page/sign-in.ts'
import { currentSession, signOut, type Session } from '../../page/session.ts'

const session = currentSession()
if (session === undefined) askForName(start)
else start(session)

async function start (me: Session): Promise<void> {
  find(document, '#chat', HTMLElement).hidden = false
  find(document, '#me', HTMLElement).textContent = me.name
  find(document, '#sign-out', HTMLButtonElement).addEventListener('click', startOver)
  const client = openClient(me)
  showConnection(client)
  await new ChatPage(client, me).restore(rememberedRooms())
}

function startOver (): void {
  signOut()
  location.reload()
}
