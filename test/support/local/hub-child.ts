import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const script = new URL('./hub-process.js', import.meta.url)

/** A process of `hub-process.ts`. */
export class HubChild {
  /** What it has reported: its generations as the hub, and its states. */
  readonly reports: unknown[] = []
  isKilled = false
  readonly #child: ChildProcess

  constructor (path: string, what: 'adapter' | 'hub', reported: (report: unknown, child: HubChild) => void = () => {}) {
    // Without tap's loader.
    const env = { ...process.env, NODE_OPTIONS: '' }
    this.#child = fork(script, [path, what], { env, execArgv: [] })
    this.#child.on('message', (report) => {
      this.reports.push(report)
      reported(report, this)
    })
  }

  get pid (): number {
    return this.#child.pid as number
  }

  send (message: unknown): void {
    this.#child.send(message as object)
  }

  pause (): void {
    this.#child.kill('SIGSTOP')
  }

  resume (): void {
    this.#child.kill('SIGCONT')
  }

  async kill (): Promise<void> {
    this.isKilled = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
