import type { Traffic } from '../traffic/traffic.ts'
import { element } from './element.ts'

/** Which messages an operation sends. */
export interface Awaited {
  readonly route: string
  readonly type: string
  readonly isOfChannel: (address: string | null | undefined) => boolean
}

/** Shows how often a message came, and the last one. */
export function seenMessages (traffic: Traffic, { route, type, isOfChannel }: Awaited): HTMLElement {
  const count = element('span', {}, 'not received yet')
  const last = element('pre', { hidden: true })
  let seen = 0
  traffic.onEntry((entry) => {
    const { envelope, direction, issue, text } = entry
    if (direction === 'sent' || entry.route !== route || envelope?.type !== type) return
    if (!isOfChannel(envelope.channel)) return
    seen++
    count.textContent = `received ${seen} times, the last one ${issue === undefined ? 'valid' : `invalid: ${issue}`}`
    last.textContent = text
    last.hidden = false
  })
  return element('div', { class: 'try seen' }, element('h5', {}, 'Try it'), element('p', {}, count), last)
}
