import type {
  SocketEvent, SocketEventType, SocketListener, WebSocketConstructor, WebSocketLike
} from '../../client/transport/web-socket.ts'

/** Learns of each text in both directions. */
export type Observer = (direction: 'sent' | 'received', text: string) => void

/** A WebSocket class for the client, whose messages are observed. */
export function observedSocket (observe: Observer, Socket: WebSocketConstructor): WebSocketConstructor {
  return class implements WebSocketLike {
    readonly #socket: WebSocketLike

    constructor (url: string, protocols: string[]) {
      this.#socket = new Socket(url, protocols)
      const handleEvent = ({ data }: SocketEvent) => observe('received', String(data))
      this.#socket.addEventListener('message', { handleEvent })
    }

    send (text: string): void {
      observe('sent', text)
      this.#socket.send(text)
    }

    close (code?: number, reason?: string): void {
      this.#socket.close(code, reason)
    }

    addEventListener (type: SocketEventType, listener: SocketListener): void {
      this.#socket.addEventListener(type, listener)
    }
  }
}
