import { button, element, labelled } from '../browser/element.ts'
import type { PageRoute } from '../contracts/page-contracts.ts'
import type { Carrier, RouteSession } from './route-session.ts'

const words: Readonly<Record<Carrier, string>> = {
  subprotocol: 'a token in the subprotocol',
  query: 'a token in the query',
  none: 'no token; the browser sends its cookies'
}

/** Connects to one route. The token stays in this field: it is kept nowhere else. */
export function connectionPanel ({ url, carriers }: PageRoute, session: RouteSession): HTMLElement {
  const address = element('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' })
  address.value = new URL(url, location.href.replace(/^http/, 'ws')).href
  const usable = (['subprotocol', 'query'] as const).filter((carrier) => carriers.includes(carrier))
  const choices: readonly Carrier[] = [...usable, 'none']
  const carrier = element('select', {}, ...choices.map((choice) => element('option', { value: choice }, words[choice])))
  const token = element('input', { type: 'password', autocomplete: 'off' })
  const status = element('output', {}, session.status)
  const open = element('button', { type: 'submit' })
  const close = button('Disconnect', () => session.disconnect())
  const show = () => {
    status.textContent = session.status
    open.textContent = session.isConnected ? 'Connect again' : 'Connect'
    close.disabled = !session.isConnected
  }
  session.onChange(show)
  show()
  return element('form', {
    class: 'try',
    'aria-label': `Connect to ${url}`,
    submit: (event) => {
      event.preventDefault()
      session.connect(address.value, carrier.value as Carrier, token.value)
    }
  },
  element('h3', {}, 'Connect'), labelled('URL', address), labelled('Who connects', carrier), labelled('Token', token),
  element('div', { class: 'actions' }, open, close, status))
}
