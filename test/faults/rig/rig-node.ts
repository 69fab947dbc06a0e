import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { System } from './crowd.ts'

/** What connects a node with the others: a Redis, or the path of a local hub. */
export type NodeRedis =
  | { readonly local: string }
  | { readonly url: string }
  | { readonly name: string, readonly sentinels: ReadonlyArray<{ readonly host: string, readonly port: number }> }
  | { readonly cluster: ReadonlyArray<{ readonly host: string, readonly port: number }> }

const scripts = {
  'fastify-channels': new URL('./node-process.js', import.meta.url),
  'socket.io': new URL('../peers/socket-io-node.js', import.meta.url)
}

export interface NodeSettings {
  readonly port: number
  readonly redis: NodeRedis
  /** The address of the module `plugins/channels.js` of the package. */
  readonly plugin: string
}

export type NodeOrder = { readonly order: 'close' } | { readonly order: 'jump', readonly ms: number }

/** One node of the rig: a port, and the process that listens on it. It may be ended and started again. */
export class RigNode {
  readonly log: string[] = []
  readonly #script: URL
  readonly #settings: Omit<NodeSettings, 'plugin'>
  #child: ChildProcess | undefined

  constructor (system: System, settings: Omit<NodeSettings, 'plugin'>) {
    this.#script = scripts[system]
    this.#settings = settings
  }

  get port (): number {
    return this.#settings.port
  }

  /** Resolves once it listens. @param plugin the module of another package */
  async start (plugin = new URL('../../../plugins/channels.js', import.meta.url).href): Promise<void> {
    const child = fork(this.#script, [JSON.stringify({ ...this.#settings, plugin })], {
      // Without tap's loader.
      env: { ...process.env, NODE_OPTIONS: '' }, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => this.log.push(String(text)))
    await Promise.race([once(child, 'message'), once(child, 'exit').then(() => {
      throw new Error(`a node of the rig ended: ${this.log.join('')}`)
    })])
  }

  order (order: NodeOrder): void {
    if (this.#child?.connected) this.#child.send(order)
  }

  /** Ends it as `npm start` is ended, and waits for that. */
  async close (): Promise<void> {
    this.order({ order: 'close' })
    await this.#gone()
  }

  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }

  async kill (): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#gone()
  }

  async #gone (): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}
