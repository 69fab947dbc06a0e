import { EventEmitter } from 'node:events'
import { WebSocket } from 'ws'

/**
 * What the native part of React Native's WebSocket does, with `ws`: sockets by number, and events that carry it. Like
 * the native part it says nothing of a close that was asked for before the connection was open.
 */
export class NativeSockets extends EventEmitter {
  readonly #sockets = new Map<number, WebSocket>()

  connect (url: string, protocols: readonly string[] | null, { headers = {} }: { headers?: object }, id: number): void {
    const socket = new WebSocket(url, [...protocols ?? []], { headers: { ...headers } })
    let problem: string | undefined
    this.#sockets.set(id, socket)
    // The words are those of okhttp, the native part on Android.
    socket.on('unexpected-response', (_request, { statusCode, statusMessage }) => {
      problem = `Expected HTTP 101 response but was '${statusCode} ${statusMessage}'`
      socket.terminate()
    })
    socket.on('error', ({ message }) => { problem ??= message })
    socket.on('open', () => this.emit('websocketOpen', { id, protocol: socket.protocol }))
    socket.on('message', (data) => this.emit('websocketMessage', { id, type: 'text', data: String(data) }))
    socket.on('close', (code, reason) => {
      if (!this.#sockets.delete(id)) return
      if (code === 1006) this.emit('websocketFailed', { id, message: problem ?? 'Software caused connection abort' })
      else this.emit('websocketClosed', { id, code, reason: String(reason) })
    })
  }

  send (text: string, id: number): void {
    this.#sockets.get(id)?.send(text)
  }

  close (code: number, reason: string, id: number): void {
    const socket = this.#sockets.get(id)
    if (socket?.readyState === WebSocket.CONNECTING) this.#sockets.delete(id)
    socket?.close(code, reason)
  }
}
