import './dom.ts'
import { setImmediate } from 'node:timers/promises'
import { act, createElement, StrictMode, type FunctionComponent } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import type { Test } from 'tap'
import { connect, type ConnectOptions, type TypedClient } from '../../../lib/client/index.ts'
import { ChannelsProvider } from '../../../lib/react/index.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'

declare module '../../../lib/react/register.ts' {
  interface Register { contracts: typeof chat }
}

/** One message of the history, the `offset`th of its epoch. */
export const posted = (offset: number) => ({
  type: 'message.posted',
  channel: 'chat/lobby',
  payload: { id: `m${offset}`, from: 'u1', name: 'Ada', text: `text ${offset}`, at: offset },
  offset,
  id: `m${offset}`,
  hash: `h${offset}`,
  prev: `h${offset - 1}`
})

/** The newest position of a history, as an ack of a join has it. */
export const at = (offset: number) => ({ epoch: 'e', offset, hash: `h${offset}`, recovered: false })

/** A React application with a client on a fake network. */
export class ChatApp {
  readonly network = new FakeNetwork()
  readonly clock = new FakeClock()
  readonly client: TypedClient<typeof chat>
  readonly errors: unknown[] = []
  readonly container = document.createElement('div')
  readonly #root: Root
  readonly #isStrict: boolean

  constructor (t: Test, { isStrict = false, ...options }: ConnectOptions & { isStrict?: boolean } = {}) {
    this.client = connect<typeof chat>('ws://test', {
      WebSocket: this.network.WebSocket,
      clock: this.clock,
      random: () => 0,
      fetch: async () => { throw new Error('no server') },
      onError: (error) => this.errors.push(error),
      ...options
    })
    this.#isStrict = isStrict
    this.#root = createRoot(this.container)
    t.teardown(() => this.render(() => null).then(() => this.client.close()))
  }

  /** Shows a component below a provider, and waits for its effects. */
  async render<P extends object> (component: FunctionComponent<P>, props: P = {} as P): Promise<void> {
    const provided = createElement(ChannelsProvider, { client: this.client }, createElement(component, props))
    await this.act(() => this.#root.render(this.#isStrict ? createElement(StrictMode, null, provided) : provided))
  }

  /** Does something, and waits for what React makes of it. */
  async act (something: () => void): Promise<void> {
    await act(async () => {
      something()
      await setImmediate()
      this.clock.advance(0)
    })
  }

  /** The server accepts the connection. */
  async accept (): Promise<void> {
    await this.act(() => {})
    await this.act(() => this.network.last.accept())
  }

  /** The server acks the latest join. */
  ack (payload: object = {}): Promise<void> {
    return this.act(() => this.network.last.ack('join', payload))
  }

  say (envelope: object): Promise<void> {
    return this.act(() => this.network.last.say({ channel: 'chat/lobby', type: '', ...envelope }))
  }

  get text (): string {
    return this.container.textContent ?? ''
  }

  /** What the client sent on its latest connection about channels: `join chat/lobby`. */
  get sent (): string[] {
    return this.network.last.sent.filter(({ channel }) => channel !== undefined)
      .map(({ type, channel }) => `${type} ${channel}`)
  }
}
