import { button, element } from '../browser/element.ts'
import type { CheckedSchema, PageChannel } from '../contracts/page-contracts.ts'
import { makeField } from '../form/make-field.ts'
import { firstIssue } from '../issues/first-issue.ts'
import type { Traffic } from '../traffic/traffic.ts'
import type { RouteSession } from './route-session.ts'

type Params = Readonly<Record<string, string>>

/** Of a long presence list only the beginning is shown. */
const maxShown = 1_000

/** Joins channels of one pattern, and shows what a member learns: presence, and the history that came with the join. */
export class ChannelPanel {
  readonly element: HTMLElement
  /** Joins the channel of the params in the form, for the operation `join`. */
  readonly join: () => void
  readonly #session: RouteSession
  readonly #pattern: string
  readonly #list = element('ul', { class: 'joined' })
  readonly #status = element('output', {}, '')
  readonly #histories = new Map<string, string>()
  readonly #readParams: () => Params

  constructor (channel: PageChannel, params: CheckedSchema | undefined, session: RouteSession, traffic: Traffic) {
    const field = params && makeField(params.schema, params.example, 'params')
    this.#session = session
    this.#pattern = channel.pattern
    this.#readParams = () => (field?.value ?? {}) as Params
    this.join = () => { this.#join(params).catch((error: Error) => this.#say(error.message)) }
    const form = element('form', {
      class: 'try',
      'aria-label': `Join ${channel.pattern}`,
      submit: (event) => {
        event.preventDefault()
        this.join()
      }
    }, element('h4', {}, 'Join'), ...field ? [field.element] : [],
    element('div', { class: 'actions' }, element('button', { type: 'submit' }, 'Join'), this.#status), this.#list)
    this.element = form
    session.onChange(() => this.#show())
    traffic.onEntry(({ route, request, envelope }) => {
      if (route !== session.route || request?.envelope?.type !== 'join' || envelope?.type !== 'ack') return
      const { messages } = Object(envelope.payload) as { readonly messages?: readonly unknown[] }
      this.#histories.set(envelope.channel as string, messages ? `${messages.length} messages of its history` : '')
    })
  }

  /** The channels that are joined, with their params. */
  get addresses (): ReadonlyMap<string, Params> {
    return new Map([...this.#session.joined].flatMap(([address, { pattern, params }]) =>
      pattern === this.#pattern ? [[address, params] as const] : []))
  }

  /** Invalid params are sent all the same, so that people see the answer. */
  async #join (params: CheckedSchema | undefined): Promise<void> {
    const given = this.#readParams()
    const issue = params && firstIssue(params, given)
    this.#say(issue ? `${issue.path}: ${issue.message}` : 'joining')
    this.#say(`joined ${await this.#session.join(this.#pattern, given)}`)
  }

  #say (text: string): void {
    this.#status.textContent = text
  }

  #show (): void {
    this.#list.replaceChildren(...[...this.addresses.keys()].map((address) => {
      const presence = JSON.stringify(this.#session.presenceIn(address)).slice(0, maxShown)
      const about = [this.#histories.get(address), `presence: ${presence}`].filter((text) => text).join(', ')
      const leave = button('Leave', () => { this.leave(address) })
      leave.setAttribute('aria-label', `Leave ${address}`)
      return element('li', {}, element('code', {}, address), ' ', leave, ' ', element('small', {}, about))
    }))
  }

  leave (address: string): void {
    this.#session.leave(address).then(() => this.#say(`left ${address}`))
  }
}
