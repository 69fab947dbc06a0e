import type { Page, WebSocketRoute } from 'playwright-core'

/** Between page and server: holds back what the server sends, for as long as it is told to. */
export class HoldBack {
  readonly #held: (() => void)[] = []
  #holding = false
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

  /** Ends the connection; what was held back is lost. */
  async cut (): Promise<void> {
    this.#holding = false
    this.#held.length = 0
    await Promise.all(this.#ends.map((end) => end.close({ code: 3999 })))
  }

  #join (client: WebSocketRoute, server: WebSocketRoute): void {
    this.#ends = [client, server]
    server.onMessage((data) => {
      const send = () => client.send(data)
      if (this.#holding) this.#held.push(send)
      else send()
    })
  }
}
