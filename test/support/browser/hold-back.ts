import type { Page, WebSocketRoute } from 'playwright-core'

/** Between page and server: holds back what the server sends, for as long as it is told to, or answers in its place. */
export class HoldBack {
  readonly #held: (() => void)[] = []
  #holding = false
  #refused: string | undefined
  #ends: WebSocketRoute[] = []

  /** For the connections that `page` makes from now on. */
  static async on (page: Page): Promise<HoldBack> {
    const between = new HoldBack()
    await page.routeWebSocket(/\/ws\/chat/, (client) => between.#join(client, client.connectToServer()))
    return between
  }

  hold (): void {
    this.#holding = true
  }

  release (): void {
    this.#holding = false
    for (const send of this.#held.splice(0)) send()
  }

  /** The next message of that type is refused, and the server does not see it. */
  refuse (type: string): void {
    this.#refused = type
  }

  /** Ends the connection; what was held back is lost. */
  async cut (): Promise<void> {
    this.#holding = false
    this.#held.length = 0
    await Promise.all(this.#ends.map((end) => end.close({ code: 3999 })))
  }

  #join (client: WebSocketRoute, server: WebSocketRoute): void {
    this.#ends = [client, server]
    client.onMessage((data) => {
      const { type, channel, correlationId } = JSON.parse(String(data))
      if (type !== this.#refused) return server.send(data)
      this.#refused = undefined
      client.send(
        JSON.stringify({
          type: 'error',
          channel,
          correlationId,
          payload: { code: 'rate_limited', message: 'too many messages: slow down' }
        })
      )
    })
    server.onMessage((data) => {
      const send = () => client.send(data)
      if (this.#holding) this.#held.push(send)
      else send()
    })
  }
}
