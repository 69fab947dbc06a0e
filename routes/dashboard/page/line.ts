import type { ConnectOptions, WebSocketConstructor, WebSocketLike } from 'fastify-channels/client'

/** A close code after which the client reconnects. */
const cutOff = 4000

/**
 * The network path of the page's connection. `cut` breaks it as a network failure would, and nothing passes until
 * `mend`. The client notices a lost connection and recovers by itself.
 */
export class Line {
  /** The client options that route a client's connection over this path. */
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
      // While the path is cut, connection attempts wait here one after another, so the current one succeeds
      // as soon as the path is mended.
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
