import type { Clock } from '../../clock.ts'
import { closeEvents } from '../../protocol/close-events.ts'
import { encodeEnvelope } from '../../protocol/encoding.ts'
import type { LiveConnections } from '../connections/live-connections.ts'
import { withTimeout } from '../with-timeout.ts'

/** How a node moves its clients to other nodes before it ends. Times are in milliseconds. */
export interface DrainOptions {
  /** From the state `draining` to the first refused upgrade: load balancers learn of the state meanwhile. */
  readonly wait: number
  /** The time over which the clients move. At most half of `timeout` is used, so that the last one has time as well. */
  readonly spread: number
  /** How long clients may take to move, and handlers to finish. 0 closes every connection at once, without a hint. */
  readonly timeout: number
}

/** After `timeout`: what handlers get to answer once their signal is aborted. */
const abortMs = 500
/** What clients get to answer a close. */
const closeMs = 1_000
/** What is left for the adapter. A drain takes at most `wait`, `timeout` and these three. */
const adapterMs = 500

export interface DrainDeps {
  readonly clock: Clock
  readonly options: DrainOptions
  readonly connections: LiveConnections
  /** Whether no other node is known that could take the clients. */
  readonly isAlone: () => boolean
}

/**
 * The end of a node, in this order: it says that it drains -> `wait` -> upgrades are refused -> each client gets the
 * hint to connect elsewhere -> the clients leave and handlers finish, at most `timeout` -> signals of handlers are
 * aborted -> the other connections are closed with 1012 -> what does not answer is destroyed.
 */
export class Drain {
  /** Whether upgrades are refused. */
  isRefusing = false
  readonly #deps: DrainDeps
  readonly #listeners: Array<() => void> = []
  #running: Promise<void> | undefined
  #endWait: (() => void) | undefined
  #endsAt = 0

  constructor (deps: DrainDeps) {
    this.#deps = deps
  }

  get isDraining (): boolean {
    return this.#running !== undefined
  }

  /** Milliseconds that are left to end the rest of the node. */
  get leftMs (): number {
    return Math.max(this.#endsAt - this.#deps.clock.now(), adapterMs)
  }

  /** Calls `fn` when upgrades are refused from then on. */
  onRefuse (fn: () => void): void {
    this.#listeners.push(fn)
  }

  /** Moves all clients to other nodes. Calls share one drain. Never rejects. */
  start (): Promise<void> {
    this.#running ??= this.#run(false)
    return this.#running
  }

  /**
   * Drains without `wait`, because the server closes and refuses requests already. Does not wait for clients that have
   * no other node to go to, only for handlers.
   */
  close (): Promise<void> {
    this.#endWait?.()
    this.#running ??= this.#run(true)
    return this.#running
  }

  async #run (isClosing: boolean): Promise<void> {
    const { clock, connections, options: { wait, timeout }, isAlone } = this.#deps
    // The timers of the clock let the process end, and injected connections have no handle that keeps it.
    const keepAlive = setInterval(() => {}, 2 ** 30)
    if (!isClosing && wait > 0) await this.#wait(wait)
    this.#endsAt = clock.now() + timeout + abortMs + closeMs + adapterMs
    this.isRefusing = true
    for (const refuse of this.#listeners) refuse()
    if (timeout > 0) {
      this.#hint()
      await this.#finish(isClosing && isAlone() ? connections.whenIdle() : connections.whenEmpty())
    }
    await this.#closeAll()
    await this.#settled(connections.whenEnded(), this.leftMs - adapterMs)
    clearInterval(keepAlive)
  }

  #wait (ms: number): Promise<void> {
    const { clock } = this.#deps
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, ms)
      this.#endWait = () => { clock.clearTimeout(timer); resolve() }
    })
  }

  /** The quotas are given back as well, so that a user at the limit is let in elsewhere. */
  #hint (): void {
    const { connections: { registry }, options: { spread, timeout } } = this.#deps
    const stepMs = Math.min(spread, timeout / 2) / registry.size
    for (const [i, connection] of registry.all().entries()) {
      connection.send(encodeEnvelope({ type: 'reconnect', payload: { delay: Math.floor(i * stepMs) } }))
      connection.quotas.release()
    }
  }

  async #finish (moved: Promise<void>): Promise<void> {
    const { connections, options: { timeout } } = this.#deps
    if (await this.#settled(moved, timeout)) return
    for (const session of connections.sessions.values()) session.abort()
    await this.#settled(connections.whenIdle(), abortMs)
  }

  async #closeAll (): Promise<void> {
    const { connections } = this.#deps
    for (const connection of connections.registry.all()) connection.close(closeEvents.restart)
    if (await this.#settled(connections.whenEmpty(), closeMs)) return
    for (const connection of connections.registry.all()) connection.terminate()
    await connections.whenEmpty()
  }

  /** Whether the promise resolves within that time. */
  async #settled (promise: Promise<void>, ms: number): Promise<boolean> {
    return withTimeout(this.#deps.clock, ms, promise).then(() => true, () => false)
  }
}
