import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { until } from '../until.ts'

/**
 * A page behind another one, or frozen, as browsers do with pages that nobody looks at. Without playwright, which keeps
 * every page visible.
 */
export class HiddenPage {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (result: Readonly<Record<string, unknown>>) => void>()
  #session = ''

  private constructor (socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (text) => {
      const { id, result, error } = JSON.parse(String(text))
      this.#answers.get(id)?.(result ?? error)
    })
  }

  /** Opens a URL in a browser of its own, ended with the test. */
  static async open (t: Test, browser: string, args: readonly string[], url: string): Promise<HiddenPage> {
    const profile = await mkdtemp(join(tmpdir(), 'profile-'))
    const flags = [...args, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank']
    const child = spawn(browser, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
    t.teardown(async () => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await rm(profile, { recursive: true, maxRetries: 5, retryDelay: 100 })
    })
    const socket = new WebSocket(await debuggerOf(child))
    t.teardown(() => socket.close())
    await once(socket, 'open')
    const page = new HiddenPage(socket)
    const { targetId } = await page.#send('Target.createTarget', { url })
    const { sessionId } = await page.#send('Target.attachToTarget', { targetId, flatten: true })
    page.#session = sessionId as string
    await until(async () => await page.evaluate('location.href + document.readyState') === `${url}complete`)
    return page
  }

  /** The value of an expression, when its promise has resolved. @throws {Error} when it throws */
  async evaluate (expression: string): Promise<unknown> {
    const answer = await this.#send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    if (!answer['result'] || answer['exceptionDetails']) throw new Error(JSON.stringify(answer))
    return (answer['result'] as { readonly value: unknown }).value
  }

  /** Another page covers it: its timers are throttled from now on. */
  async hide (): Promise<void> {
    const session = this.#session
    this.#session = ''
    await this.#send('Target.createTarget', { url: 'about:blank' })
    this.#session = session
  }

  /** Nothing runs until it is `active` again. */
  async setState (state: 'frozen' | 'active'): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state })
  }

  #send (method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#answers.size + 1
    const sessionId = this.#session === '' ? undefined : this.#session
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }
}

/** The address that the browser prints. */
async function debuggerOf (child: ChildProcess): Promise<string> {
  let printed = ''
  for await (const text of child.stderr!) {
    printed += String(text)
    const [, url] = /listening on (ws:\S+)/.exec(printed) ?? []
    if (url !== undefined) {
      child.stderr!.resume()
      return url
    }
  }
  throw new Error(`the browser ended: ${printed}`)
}
