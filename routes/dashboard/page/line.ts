import type { ConnectOptions, WebSocketConstructor, WebSocketLike } from 'fastify-channels/client'

/** Not a code that tells the client to give up. */
const cutOff = 4000

/**
 * The line that the page's connection runs over. It can be cut, as a network would be, and lets nothing through until
 * it is mended: the client takes it for what it looks like, and recovers by itself.
 */
export class Line {
  /** What makes a client run over it. */
  readonly options: Required<Pick<ConnectOptions, 'WebSocket' | 'token' | 'random'>>
  #socket: WebSocketLike | undefined
  #mended: Promise<void> | undefined
  #mend = () => {}

  constructor (Socket: WebSocketConstructor, random: () => number = Math.random) {
    const opened = (socket: WebSocketLike) => { this.#socket = socket }
    this.options = {
      WebSocket: class extends Socket {
        constructor (url: string, protocols: string[]) {
          super(url, protocols)
          opened(this)
        }
      },
      token: async () => {
        await this.#mended
        return ''
      },
      // While it is cut one attempt follows the other, each waiting here, so that the one at hand goes through as soon
      // as it is mended.
      random: () => this.isCut ? 0 : random()
    }
  }

  get isCut (): boolean {
    return this.#mended !== undefined
  }

  cut (): void {
    this.#mended = new Promise((resolve) => { this.#mend = resolve })
    this.#socket?.close(cutOff, 'cut off')
  }

  mend (): void {
    this.#mended = undefined
    this.#mend()
  }
}
