import { connectionWords } from '../../page/connection-words.ts'
import { find } from '../../page/dom.ts'
import type { Client } from './connect.ts'

const words = { ...connectionWords, closed: 'Disconnected: reload to connect again' } as const

/** Shows the state of the connection. */
export function showConnection (client: Client): void {
  const status = find(document, '#connection', HTMLElement)
  const show = () => {
    status.dataset['state'] = client.state
    find(status, '.word', HTMLElement).textContent = words[client.state]
  }
  client.onState(show)
  show()
}
