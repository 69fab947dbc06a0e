import type { Browser, BrowserContextOptions } from 'playwright-core'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../../routes/app.ts'
import { ChatWindow } from './chat-window.ts'

/** The demo as it really is, and the windows that look at it. */
export class Demo {
  readonly url: string
  readonly #browser: Browser
  readonly #windows: ChatWindow[] = []
  #app: FastifyInstance

  constructor (browser: Browser, app: FastifyInstance, url: string) {
    this.#browser = browser
    this.#app = app
    this.url = url
  }

  static async start (browser: Browser): Promise<Demo> {
    const app = await buildApp()
    return new Demo(browser, app, await app.listen({ port: 0, host: '127.0.0.1' }))
  }

  /** A window of somebody who has not said who they are. */
  async open (options?: BrowserContextOptions): Promise<ChatWindow> {
    const window = await ChatWindow.open(this.#browser, this.url, options)
    this.#windows.push(window)
    return window
  }

  async enter (name: string, options?: BrowserContextOptions): Promise<ChatWindow> {
    return (await this.open(options)).signIn(name)
  }

  /** Every connection is lost, as when the network fails. */
  cut (): void {
    for (const socket of this.#app.websocketServer.clients) socket.terminate()
  }

  /** The process ends; another takes its place that knows nothing of its tokens. */
  async stop (): Promise<void> {
    await this.#app.close()
  }

  async startAgain (): Promise<void> {
    this.#app = await buildApp()
    await this.#app.listen({ port: Number(new URL(this.url).port), host: '127.0.0.1' })
  }

  /** What went wrong in any window, so far. */
  get faults (): string[] {
    return this.#windows.flatMap(({ faults }) => faults)
  }

  async end (): Promise<void> {
    await Promise.all(this.#windows.map((window) => window.close()))
    await this.#app.close()
  }
}
