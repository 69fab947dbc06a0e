import { button, element, labelled } from '../browser/element.ts'
import { copyButton } from '../browser/copy-button.ts'
import type { CheckedSchema, PageChannel } from '../contracts/page-contracts.ts'
import type { ChannelPanel } from './channel-panel.ts'
import { PayloadEditor, type Edited } from './payload-editor.ts'
import type { RouteSession } from './route-session.ts'
import { clientCode, wscatLine, type SampleMessage } from './snippets.ts'

/** An operation that receives a message from a client. */
export interface Operation {
  readonly type: string
  readonly channel: PageChannel
  /** The schema of the payload. Undefined where the message has none. */
  readonly payload: CheckedSchema | undefined
  readonly hasReply: boolean
}

/** Sends one type of message, and shows the answer. */
export class OperationPanel {
  readonly element: HTMLElement
  readonly #operation: Operation
  readonly #session: RouteSession
  readonly #channel: ChannelPanel | undefined
  readonly #target = element('select')
  /** The addresses to choose from, as JSON. */
  #shown = ''
  readonly #issue = element('p', { class: 'issue', role: 'status' })
  readonly #answer = element('output', { class: 'answer' })
  readonly #send: HTMLButtonElement = element('button', { type: 'submit' }, 'Send')
  readonly #editor: PayloadEditor | undefined
  #edited: Edited = { value: undefined, issue: undefined, isJson: true }

  /** @param channel the panel of the channel; undefined for a message of the connection */
  constructor (operation: Operation, session: RouteSession, channel: ChannelPanel | undefined) {
    const { type, payload } = operation
    this.#operation = operation
    this.#session = session
    this.#channel = channel
    this.#editor = payload && new PayloadEditor(payload, 'payload', (edited) => this.#check(edited))
    this.element = element('form', {
      class: 'try',
      'aria-label': `Try ${type}`,
      submit: (event) => {
        event.preventDefault()
        this.#submit()
      }
    }, element('h5', {}, 'Try it'), ...channel ? [labelled('Channel', this.#target)] : [],
    ...this.#editor ? [this.#editor.element, this.#issue] : [],
    element('div', { class: 'actions' }, this.#send, ...copyButtons(type, () => this.sample)), this.#answer)
    if (this.#editor) this.#check(this.#editor.edited)
    session.onChange(() => this.#showTargets())
    this.#showTargets()
  }

  /** The message as it would be sent now. */
  get sample (): SampleMessage {
    const { type, channel, hasReply } = this.#operation
    const { url, carrier } = this.#session
    const address = this.#channel && (this.#target.value || channel.pattern)
    return {
      url: url === '' ? new URL(this.#session.route, location.href.replace(/^http/, 'ws')).href : url,
      carrier,
      pattern: channel.pattern,
      params: this.#channel?.addresses.get(address as string) ?? Object.fromEntries(channel.names.map((n) => [n, n])),
      address,
      hasHistory: channel.hasHistory,
      type,
      payload: this.#edited.value,
      hasReply
    }
  }

  #check (edited: Edited): void {
    const { issue, isJson } = edited
    this.#edited = edited
    const said = issue ?? 'valid'
    if (this.#issue.textContent !== said) this.#issue.textContent = said
    this.#issue.classList.toggle('bad', issue !== undefined)
    this.#send.textContent = issue === undefined ? 'Send' : 'Send anyway'
    this.#send.disabled = !isJson
  }

  #submit (): void {
    const start = performance.now()
    const say = (text: string) => { this.#answer.textContent = `${text} (${Math.round(performance.now() - start)} ms)` }
    const { type } = this.#operation
    const address = this.#channel && this.#target.value
    this.#answer.textContent = 'sent'
    this.#session.send(address, type, this.#edited.value).then(
      (reply) => say(`ack${reply === undefined ? '' : `: ${JSON.stringify(reply)}`}`),
      (error: Error) => say(`error: ${error.message}`))
  }

  #showTargets (): void {
    const chosen = this.#target.value
    const addresses = [...this.#channel?.addresses.keys() ?? []]
    const shown = addresses.length > 0 ? addresses : ['']
    if (JSON.stringify(shown) === this.#shown) return
    this.#shown = JSON.stringify(shown)
    this.#target.replaceChildren(...shown.map((address) =>
      element('option', { value: address, selected: address === chosen }, address === '' ? 'not joined' : address)))
  }
}

const randomId = () => Math.random().toString(36).slice(2)

function copyButtons (type: string, sample: () => SampleMessage): HTMLElement[] {
  const code = type === 'ping' ? [] : [copyButton('Copy as client code', () => clientCode(sample()))]
  return [...code, copyButton('Copy for wscat', () => wscatLine(sample(), randomId()))]
}

/** The operation `join` or `leave`, which the panel of the channel does. */
export function membershipPanel (type: string, channel: ChannelPanel): HTMLElement {
  const act = () => type === 'join' ? channel.join() : [...channel.addresses.keys()].forEach((a) => channel.leave(a))
  const words = type === 'join' ? 'Join the channel of the params above' : 'Leave the joined channels'
  return element('div', { class: 'try' }, element('h5', {}, 'Try it'), button(words, act))
}
