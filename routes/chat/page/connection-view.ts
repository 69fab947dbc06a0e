import type { Client } from './connect.ts'
import { connectionWords } from '../../page/connection-words.ts'
import { find } from '../../page/dom.ts'

/** Shows the state of the connection. A closed client needs a reload. */
export function showConnection (client: Client): void {
  const status = find(document, '#connection', HTMLElement)
  const again = find(document, '#connect-again', HTMLButtonElement)
  const show = () => {
    status.dataset['state'] = client.state
    find(status, '.word', HTMLElement).textContent = connectionWords[client.state]
    again.hidden = client.state !== 'closed'
  }
  again.addEventListener('click', () => location.reload())
  client.onState(show)
  show()
}
