import type { PageChannel, PageContracts, PageRoute } from '../contracts/page-contracts.ts'
import { MessageIssues } from '../traffic/message-issue.ts'
import { Traffic } from '../traffic/traffic.ts'
import { TrafficView } from '../traffic/traffic-view.ts'
import { ChannelPanel } from '../trial/channel-panel.ts'
import { connectionPanel } from '../trial/connection-panel.ts'
import { membershipPanel, OperationPanel } from '../trial/operation-panel.ts'
import { RouteSession } from '../trial/route-session.ts'
import { seenMessages } from './seen-messages.ts'

/** Adds to each operation of the page what tries it. */
export function startPage (contracts: PageContracts): void {
  const issues = new MessageIssues(contracts)
  const traffic = new Traffic((found) => issues.of(found))
  for (const route of contracts.routes) new RouteTrial(route, traffic, issues).start()
  document.body.append(new TrafficView(traffic).element)
}

/** The parts of the page that belong to one route. */
class RouteTrial {
  readonly #route: PageRoute
  readonly #session: RouteSession
  readonly #traffic: Traffic
  readonly #issues: MessageIssues

  constructor (route: PageRoute, traffic: Traffic, issues: MessageIssues) {
    this.#route = route
    this.#session = new RouteSession(route.url, traffic)
    this.#traffic = traffic
    this.#issues = issues
  }

  start (): void {
    for (const channel of this.#route.channels) {
      const panel = channel.pattern === '' ? undefined : this.#channelPanel(channel)
      const before = this.#all('.operation').find(({ dataset }) => dataset.pattern === channel.pattern)
      before?.before(panel ? panel.element : connectionPanel(this.#route, this.#session))
      for (const article of this.#all('.operation')) {
        if (article.dataset.pattern === channel.pattern) article.append(this.#trial(article, channel, panel))
      }
    }
  }

  /** The elements of this route. Its name may have any characters, so no selector has it. */
  #all (selector: string): HTMLElement[] {
    const { url } = this.#route
    return [...document.querySelectorAll<HTMLElement>(selector)].filter(({ dataset }) => dataset.route === url)
  }

  #channelPanel (channel: PageChannel): ChannelPanel {
    return new ChannelPanel(channel, this.#issues.schema(channel.params), this.#session, this.#traffic)
  }

  #trial ({ dataset }: HTMLElement, channel: PageChannel, panel: ChannelPanel | undefined): HTMLElement {
    const { type = '', action } = dataset
    const { url } = this.#route
    if (action === 'send') {
      const isOfChannel = (address: string | null | undefined) => this.#issues.channelOf(url, address) === channel
      return seenMessages(this.#traffic, { route: url, type, isOfChannel })
    }
    const message = channel.fromClient[type]
    if (panel && !message) return membershipPanel(type, panel)
    const payload = this.#issues.schema(message?.payload)
    const operation = { type, channel, payload, hasReply: message?.reply !== undefined }
    return new OperationPanel(operation, this.#session, panel).element
  }
}
