import { connectionWords } from '../../page/connection-words.ts'
import { find } from '../../page/dom.ts'
import type { Client } from './connect.ts'
import type { Line } from './line.ts'

const words = { ...connectionWords, open: 'Live', paused: 'Paused: cut off' } as const

/**
 * Shows the state of the connection, with a button that cuts it and lets it recover. A closed client needs a reload.
 */
export function showConnection (client: Client, line: Line): void {
  const status = find(document, '#connection', HTMLElement)
  const pause = find(document, '#pause', HTMLButtonElement)
  const again = find(document, '#connect-again', HTMLButtonElement)
  const show = () => {
    const state = line.isCut && client.state !== 'closed' ? 'paused' : client.state
    status.dataset['state'] = state
    find(status, '.word', HTMLElement).textContent = words[state]
    pause.textContent = line.isCut ? 'Resume' : 'Pause'
    pause.hidden = state === 'closed'
    again.hidden = state !== 'closed'
  }
  pause.addEventListener('click', () => {
    if (line.isCut) line.mend()
    else line.cut()
    show()
  })
  again.addEventListener('click', () => location.reload())
  client.onState(show)
  show()
}
