import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Session, SessionMessage } from '../docs/sessions.ts'

const welcome: SessionMessage = {
  type: 'welcome',
  payload: {
    connectionId: '5f2c1a9e-6c1b-4d0e-9a53-2f7f0d1b8c44',
    limits: { messageBytes: 65_536, channelLength: 256, depth: 64 },
    patterns: []
  }
}

/** The server of sample sessions: `/0` is the first of them. It expects each message of the client in its turn. */
export class SessionServer {
  readonly url: string
  /** Messages that the client sent in place of those of its session. */
  readonly unexpected: unknown[] = []

  private constructor (url: string) {
    this.url = url
  }

  static async start (t: Test, sessions: readonly Session[]): Promise<SessionServer> {
    const listener = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: ([first]) => first as string })
    t.teardown(() => listener.close())
    await once(listener, 'listening')
    const server = new SessionServer(`ws://127.0.0.1:${(listener.address() as AddressInfo).port}`)
    listener.on('connection', (socket, { url = '' }) => {
      server.#serve(socket, sessions[Number(url.slice(1))] as Session)
    })
    return server
  }

  /** Says the lines of the server until the next one of the client. Closes with 1000 after the last. */
  #serve (socket: WebSocket, { lines }: Session): void {
    const ids = new Map<string, string>()
    let at = 0
    const say = (message: SessionMessage) => {
      const { correlationId: id } = message
      socket.send(JSON.stringify({ ...message, ...(id !== undefined && { correlationId: ids.get(id) }) }))
    }
    const proceed = () => {
      for (; lines[at]?.from === 'S'; at++) say(lines[at]?.message as SessionMessage)
      if (at === lines.length) socket.close(1000)
    }
    socket.on('message', (text) => {
      const { correlationId = '', ...said } = JSON.parse(String(text)) as SessionMessage
      const { correlationId: id, ...expected } = lines[at++]?.message ?? { type: 'nothing' }
      if (!isDeepStrictEqual(said, expected)) this.unexpected.push({ said, expected })
      ids.set(id ?? '', correlationId)
      proceed()
    })
    if (lines[0]?.message.type !== 'welcome') say(welcome)
    proceed()
  }
}
