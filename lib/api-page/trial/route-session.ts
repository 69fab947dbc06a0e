import {
  connect, errorTexts, explanations, handover, pageEvents, presence, presenceOf, type UntypedCoreClient
} from '../../client/core.ts'
import { addressOf } from '../../contract/pattern.ts'
import type { WebSocketConstructor } from '../../client/transport/web-socket.ts'
import { observedSocket } from '../traffic/observed-socket.ts'
import type { Traffic } from '../traffic/traffic.ts'

/** How a connection says who it is. A browser sends its cookies in any case. */
export type Carrier = 'none' | 'subprotocol' | 'query'

/** What the page needs of a joined channel. */
interface Handle {
  send (type: string, payload?: unknown): Promise<unknown>
  leave (): Promise<void>
}

/** A channel that the page joined. */
interface Joined { readonly pattern: string, readonly params: Params, readonly handle: Handle }

type Params = Readonly<Record<string, string>>

/** The connection of the page to one route, with the channels that it joined. */
export class RouteSession {
  readonly route: string
  readonly joined = new Map<string, Joined>()
  /** What people read of the state. */
  status = 'not connected'
  /** Where it connects. Empty without a connection. */
  url = ''
  carrier: Carrier = 'none'
  readonly #traffic: Traffic
  readonly #WebSocket: WebSocketConstructor
  readonly #listeners = new Set<() => void>()
  #client: UntypedCoreClient | undefined

  constructor (route: string, traffic: Traffic, WebSocket: WebSocketConstructor = globalThis.WebSocket) {
    this.route = route
    this.#traffic = traffic
    this.#WebSocket = WebSocket
  }

  onChange (listener: () => void): void {
    this.#listeners.add(listener)
  }

  get isConnected (): boolean {
    return this.#client !== undefined
  }

  connect (url: string, carrier: Carrier, token: string): void {
    this.disconnect()
    this.url = url
    this.carrier = carrier
    try {
      this.#client = this.#open(url, carrier, token)
      this.#say('connecting')
    } catch (error) {
      this.#say(`cannot connect: ${(error as Error).message}`)
    }
  }

  /** @throws {TypeError} for a URL that is none, or none of a WebSocket */
  #open (url: string, carrier: Carrier, token: string): UntypedCoreClient {
    const target = new URL(url, location.href)
    if (carrier === 'query') target.searchParams.set('token', token)
    const client = connect(target.href, {
      ...(carrier === 'subprotocol' && { token: () => token }),
      WebSocket: observedSocket((direction, text) => this.#traffic.add(direction, this.route, text), this.#WebSocket),
      // Without checks of its own, so that people see what the server answers.
      features: [errorTexts, presence, explanations(), handover, pageEvents()]
    })
    client.onState((state, close) => this.#say(close?.reason ? `${state}: ${close.reason}` : state))
    client.onConnectError(({ message }) => this.#say(`cannot connect: ${message}`))
    return client
  }

  disconnect (): void {
    this.#client?.close()
    this.#client = undefined
    this.joined.clear()
    this.#say('not connected')
  }

  /** Resolves with the address. @throws {RequestError} and for params that make no address. */
  async join (pattern: string, params: Params): Promise<string> {
    const address = addressOf(pattern, params)
    const join = this.#connected().join as unknown as
      (pattern: string, params: object, options: object) => Promise<Handle>
    const handle: Handle = await join.call(this.#client, pattern, params, {
      onResync: 'ignore', onPresence: () => this.#changed(), onLeft: () => this.#left(address)
    })
    this.joined.set(address, { pattern, params, handle })
    this.#changed()
    return address
  }

  /** The users who are in a joined channel, or their number. */
  presenceIn (address: string): unknown {
    return presenceOf(this.joined.get(address)?.handle as never)
  }

  async leave (address: string): Promise<void> {
    const handle = this.joined.get(address)?.handle
    this.#left(address)
    await handle?.leave()
  }

  /** Sends a message, and resolves with its reply. `address` undefined: a message of the connection. */
  async send (address: string | undefined, type: string, payload: unknown): Promise<unknown> {
    const client = this.#connected()
    if (address === undefined) return client.send(type, payload)
    const handle = this.joined.get(address)?.handle
    if (!handle) throw new Error(`Join a channel first, because '${type}' belongs to one.`)
    return handle.send(type, payload)
  }

  #connected (): UntypedCoreClient {
    if (!this.#client) throw new Error(`Connect to ${this.route} first.`)
    return this.#client
  }

  #left (address: string): void {
    this.joined.delete(address)
    this.#changed()
  }

  #say (status: string): void {
    this.status = status
    this.#changed()
  }

  #changed (): void {
    for (const listener of this.#listeners) listener()
  }
}
