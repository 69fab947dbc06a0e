import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { WebSocket, type ClientOptions } from 'ws'
import type { AnyChannel } from '../contract/define-channel.ts'
import type { Welcome } from '../protocol/control-messages.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { injectConnection, type Injectable } from './injected-connection.ts'
import type { Received, ReceivedType, Reply, RequestArguments, RequestType } from './typed-envelopes.ts'

/** The code and the reason of a close. */
export interface Closed { readonly code: number, readonly reason: string }

/** The error of `connect` and `inject` if the server answers the upgrade with a status other than 101. */
export class UpgradeRefused extends Error {
  /** The HTTP status, such as 401. */
  readonly status: number
  /** The HTTP headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The whole HTTP body as text. */
  readonly body: string

  constructor (status: number, headers: UpgradeRefused['headers'], body: string) {
    super(`the upgrade was answered ${status}: ${body}`)
    this.status = status
    this.headers = headers
    this.body = body
  }
}

interface Waiter {
  readonly matches: (envelope: Envelope) => boolean
  readonly resolve: (envelope: Envelope) => void
}

/**
 * A WebSocket that sends and receives envelopes, for tests of a server. It does not use the client library. Received
 * envelopes wait in a queue until the test takes them, so a test waits for messages and never for fixed times.
 *
 * `C`: the contracts of the route, as a union. `request` and `next` are typed by them. Default: any message.
 *
 * @example
 * const client = await TestClient.inject<typeof chat>(app, '/ws')
 * await client.request('join', 'chat/lobby')
 * const { payload } = await client.next('message.posted')
 */
export class TestClient<C extends AnyChannel = AnyChannel> {
  /** The `ws` WebSocket, for pings, binary frames and pauses. */
  readonly webSocket: WebSocket
  /** Resolves once the connection is closed. */
  readonly closed: Promise<Closed>
  /** Resolves with the payload of `welcome`, the first message of the server. */
  readonly welcome: Promise<Welcome>
  /** All received envelopes but `welcome`, in order, including those that a test has taken. */
  readonly log: Envelope[] = []
  #queue: Envelope[] = []
  #waiters: Waiter[] = []
  /** Makes correlation ids unique among clients, because the server recognizes an idempotent message by its id. */
  readonly #idPrefix = randomUUID().slice(0, 8)
  #requests = 0

  private constructor (webSocket: WebSocket) {
    this.webSocket = webSocket
    this.welcome = this.#takeFirst(({ type }) => type === 'welcome').then(({ payload }) => payload as Welcome)
    webSocket.on('message', (data) => this.#receive(JSON.parse(String(data)) as Envelope))
    webSocket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /**
   * Connects to `url`, with these subprotocols and options of `ws`.
   *
   * @throws {UpgradeRefused} if the server answers the upgrade with a status other than 101
   */
  static connect<C extends AnyChannel = AnyChannel> (
    url: string, protocols: string[] = [], options: ClientOptions = {}
  ): Promise<TestClient<C>> {
    return new Promise((resolve, reject) => {
      const webSocket = new WebSocket(url, protocols, options)
      const client = new TestClient<C>(webSocket)
      webSocket.on('open', () => resolve(client))
      webSocket.on('error', reject)
      webSocket.on('unexpected-response', (_, response) => {
        let body = ''
        response.on('data', (chunk) => { body += String(chunk) })
        response.on('end', () => reject(new UpgradeRefused(response.statusCode as number, response.headers, body)))
      })
    })
  }

  /**
   * Connects to a route of an application that need not listen, over a connection inside this process. `path` may have
   * a query, lack its first slash, or be a whole URL. An `options.agent` is ignored. `options.localAddress` is the
   * address that the server sees as `request.ip`. Default: `127.0.0.1`.
   *
   * @throws {UpgradeRefused} if the server answers the upgrade with a status other than 101
   */
  static async inject<C extends AnyChannel = AnyChannel> (
    app: Injectable, path: string, protocols: string[] = [], options: ClientOptions = {}
  ): Promise<TestClient<C>> {
    await app.ready()
    const { localAddress = '127.0.0.1' } = options
    const createConnection = () => injectConnection(app.server, localAddress) as Socket
    const url = new URL(path.startsWith('/') ? `ws://localhost${path}` : path, 'ws://localhost')
    url.hash = ''
    // With an agent, Node would connect over the network.
    const inside = { ...options, createConnection, agent: undefined }
    return TestClient.connect(url.href.replace(/^[^:]*/, 'ws'), protocols, inside)
  }

  /**
   * Takes the messages of a WebSocket of `ws`, such as that of `app.injectWS`. Call it before a message arrives.
   *
   * @example
   * let client
   * await app.injectWS('/ws', {}, { onInit: (webSocket) => { client = TestClient.over(webSocket) } })
   */
  static over<C extends AnyChannel = AnyChannel> (webSocket: WebSocket): TestClient<C> {
    return new TestClient<C>(webSocket)
  }

  /** Sends one envelope. */
  send (envelope: Envelope): void {
    this.sendText(JSON.stringify(envelope))
  }

  /** Sends a text message as it is, such as invalid JSON. */
  sendText (text: string): void {
    this.webSocket.send(text)
  }

  /**
   * Sends a message and resolves with its reply, an ack or an error. `correlationId`: default, a new id for each
   * request. There is no timeout.
   */
  request<K extends RequestType<C>> (type: K, ...rest: RequestArguments<C, K>): Promise<Reply<C, K>> {
    const [channel, payload, correlationId = `${this.#idPrefix}-${++this.#requests}`] =
      rest as [channel?: string, payload?: unknown, correlationId?: string]
    this.send({ type, channel, payload, correlationId })
    return this.#takeFirst((envelope) => envelope.correlationId === correlationId) as Promise<Reply<C, K>>
  }

  /**
   * Takes the oldest waiting envelope of one of these types, or waits for it. Each envelope is taken once. There is no
   * timeout.
   */
  next<K extends ReceivedType<C>> (...types: readonly K[]): Promise<Received<C, K>> {
    return this.#takeFirst(({ type }) => types.includes(type as K)) as Promise<Received<C, K>>
  }

  /** Closes the connection and resolves once it is closed. */
  close (code = 1000): Promise<Closed> {
    this.webSocket.close(code)
    return this.closed
  }

  /** Closes the TCP connection without a closing handshake. */
  terminate (): void {
    this.webSocket.terminate()
  }

  #takeFirst (matches: Waiter['matches']): Promise<Envelope> {
    const found = this.#queue.find(matches)
    if (found) {
      this.#queue = this.#queue.filter((envelope) => envelope !== found)
      return Promise.resolve(found)
    }
    return new Promise((resolve) => this.#waiters.push({ matches, resolve }))
  }

  #receive (envelope: Envelope): void {
    if (envelope.type !== 'welcome') this.log.push(envelope)
    const waiter = this.#waiters.find(({ matches }) => matches(envelope))
    this.#waiters = this.#waiters.filter((other) => other !== waiter)
    if (waiter) waiter.resolve(envelope)
    else this.#queue.push(envelope)
  }
}
