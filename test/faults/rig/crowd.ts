import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { LogEvent, MessageKind } from '../checker/log.ts'

export interface ClientSettings {
  readonly name: string
  /** Of its channels, as the contract of the rig has them. */
  readonly pattern: 'rig' | 'durable' | 'wide'
  readonly channels: readonly string[]
}

/** What the nodes and the clients of a rig are built with. */
export type System = 'fastify-channels' | 'socket.io'

export interface CrowdSettings {
  readonly system: System
  readonly url: string
  readonly clients: readonly ClientSettings[]
  readonly seed: number
  /** How often each client sends, in messages a second. */
  readonly rate: number
}

/** What a process of clients is told. `names`: the clients that it is for. */
export type CrowdOrder =
  | { readonly order: 'begin', readonly settings: CrowdSettings }
  /** Begins to send; the record begins with the presence lists as they are. */
  | { readonly order: 'send', readonly names: readonly string[], readonly only?: MessageKind }
  | { readonly order: 'quiet' }
  /** Stops reading from the sockets, or goes on. */
  | { readonly order: 'stall' | 'read', readonly names: readonly string[] }
  /** Messages of a channel are longer, or as before. */
  | { readonly order: 'pad', readonly channel: string, readonly bytes: number }
  /** Leaves for good: closes, or is lost without a word. */
  | { readonly order: 'close' | 'lose', readonly names: readonly string[] }
  /** Those that left are back. */
  | { readonly order: 'return' }

/** What a process of clients says. */
export type CrowdReport = 'joined' | 'quiet' | readonly LogEvent[]

/** The clients of the rig, in a process of their own. */
export class Crowd {
  readonly #child: ChildProcess
  readonly #took: (events: readonly LogEvent[]) => void
  readonly #waiting: Array<{ readonly report: CrowdReport, readonly resolve: () => void }> = []

  private constructor (child: ChildProcess, took: (events: readonly LogEvent[]) => void) {
    this.#child = child
    this.#took = took
    child.on('message', (report: CrowdReport) => this.#take(report))
  }

  /** Resolves once every client is in its channels. */
  static async start (settings: CrowdSettings, took: (events: readonly LogEvent[]) => void): Promise<Crowd> {
    const child = fork(new URL('./client-process.js', import.meta.url), [], {
      env: { ...process.env, NODE_OPTIONS: '' }, execArgv: []
    })
    child.once('exit', (code) => { if (code) throw new Error(`the clients ended with ${code}`) })
    const crowd = new Crowd(child, took)
    crowd.order({ order: 'begin', settings })
    await crowd.reported('joined')
    return crowd
  }

  /** Nothing where the process has ended: a rig that is interrupted still gives orders. */
  order (order: CrowdOrder): void {
    if (this.#child.connected) this.#child.send(order)
  }

  /** Resolves with the next such report. */
  reported (report: CrowdReport): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ report, resolve }))
  }

  async end (): Promise<void> {
    if (this.#child.exitCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #take (report: CrowdReport): void {
    if (typeof report !== 'string') return this.#took(report)
    const i = this.#waiting.findIndex((waiting) => waiting.report === report)
    if (i >= 0) this.#waiting.splice(i, 1)[0]?.resolve()
  }
}
