import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Vitals } from './soak-server.ts'

/** One node in a process of its own. It fails the test if it ends by itself. */
export class SoakNode {
  readonly url: string
  readonly #child: ChildProcess
  #isClosing = false

  private constructor (child: ChildProcess, port: number) {
    this.#child = child
    this.url = `ws://127.0.0.1:${port}/`
    child.once('exit', (code, signal) => {
      if (this.#isClosing) return
      process.stderr.write(`a node ended by itself: ${String(code ?? signal)}\n`)
      process.exit(1)
    })
  }

  static async start (redis: string): Promise<SoakNode> {
    const child = fork(new URL('./soak-server.js', import.meta.url), [redis], { execArgv: ['--expose-gc'] })
    const [port] = await once(child, 'message') as [number]
    return new SoakNode(child, port)
  }

  async vitals (): Promise<Vitals> {
    const answer = once(this.#child, 'message')
    this.#child.send('vitals')
    const [vitals] = await answer as [Vitals]
    return vitals
  }

  signal (name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async close (): Promise<void> {
    this.#isClosing = true
    const gone = once(this.#child, 'exit')
    this.#child.send('close')
    await gone
  }
}
