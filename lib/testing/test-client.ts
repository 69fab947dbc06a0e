import { randomUUID } from 'node:crypto'
import { WebSocket, type ClientOptions } from 'ws'
import type { Envelope } from '../protocol/envelope.ts'

/** How a connection ended. */
export interface Closed { readonly code: number, readonly reason: string }

/** The HTTP answer of an upgrade that was refused. */
export class UpgradeRefused extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string

  constructor (status: number, headers: UpgradeRefused['headers'], body: string) {
    super(`the upgrade was answered ${status}`)
    this.status = status
    this.headers = headers
    this.body = body
  }
}

type Waiting = { readonly wants: (envelope: Envelope) => boolean, readonly take: (envelope: Envelope) => void }

/**
 * A plain WebSocket that speaks envelopes, for tests: it keeps what arrives in a queue, so that no test sleeps. It
 * knows nothing of the client library.
 */
export class TestClient {
  /** The socket itself, for what envelopes cannot say. */
  readonly webSocket: WebSocket
  readonly closed: Promise<Closed>
  /** Everything that arrived, in order. */
  readonly log: Envelope[] = []
  #queue: Envelope[] = []
  #waiting: Waiting[] = []
  /** Ids of its own: a message that is declared `once` is known by its id, whatever connection it comes over. */
  readonly #name = randomUUID().slice(0, 8)
  #requests = 0

  private constructor (webSocket: WebSocket) {
    this.webSocket = webSocket
    webSocket.on('message', (data) => this.#arrived(JSON.parse(String(data)) as Envelope))
    webSocket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** Rejects with `UpgradeRefused` when the server answers anything but 101. */
  static connect (url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<TestClient> {
    return new Promise((resolve, reject) => {
      const webSocket = new WebSocket(url, protocols, options)
      const client = new TestClient(webSocket)
      webSocket.on('open', () => resolve(client))
      webSocket.on('error', reject)
      webSocket.on('unexpected-response', (_, response) => {
        let body = ''
        response.on('data', (chunk) => { body += String(chunk) })
        response.on('end', () => reject(new UpgradeRefused(response.statusCode as number, response.headers, body)))
      })
    })
  }

  send (envelope: Envelope): void {
    this.sendText(JSON.stringify(envelope))
  }

  sendText (text: string): void {
    this.webSocket.send(text)
  }

  /** Sends, with a fresh correlationId unless one is given, and resolves with the reply, an ack or an error. */
  request (
    type: string, channel?: string, payload?: unknown, correlationId = `${this.#name}-${++this.#requests}`
  ): Promise<Envelope> {
    this.send({ type, channel, payload, correlationId })
    return this.#take((envelope) => envelope.correlationId === correlationId)
  }

  /** The next message of one of these types; one that has arrived already counts, once. */
  next (...types: readonly string[]): Promise<Envelope> {
    return this.#take(({ type }) => types.includes(type))
  }

  close (code = 1000): Promise<Closed> {
    this.webSocket.close(code)
    return this.closed
  }

  /** Vanishes without a closing handshake. */
  terminate (): void {
    this.webSocket.terminate()
  }

  #take (wants: (envelope: Envelope) => boolean): Promise<Envelope> {
    const found = this.#queue.find(wants)
    if (found) {
      this.#queue = this.#queue.filter((envelope) => envelope !== found)
      return Promise.resolve(found)
    }
    return new Promise((resolve) => this.#waiting.push({ wants, take: resolve }))
  }

  #arrived (envelope: Envelope): void {
    this.log.push(envelope)
    const waiting = this.#waiting.find(({ wants }) => wants(envelope))
    this.#waiting = this.#waiting.filter((other) => other !== waiting)
    if (waiting) waiting.take(envelope)
    else this.#queue.push(envelope)
  }
}
