import type { Timer } from '../clock.ts'
import { AdapterUnavailable, type AdapterStatus } from '../cluster/adapter.ts'
import type { Logger } from '../logger.ts'
import { findHub, type Found } from './hub/find-hub.ts'
import type { HubPorts, Restoring } from './hub-ports.ts'
import { HubStatus } from './hub-status.ts'
import { reachHub, type ReachDeps, type ReachedHub } from './reached-hub.ts'
import { HubGone } from './wire/packet-socket.ts'

/**
 * After how long this node looks for the hub again when that failed, or when the hub has refused it: at first and at
 * most, in milliseconds. The first wait is short, because a process that is being killed may still accept connections.
 */
const [firstRetryMs, longestRetryMs] = [5, 500]
/** Parts of this node's state that are on their way to a new hub at the same time. */
const restoredAtOnce = 10

export interface HubAccessDeps extends Omit<ReachDeps, 'expectedNodes'> {
  readonly log: Logger
  /** What a hub has to know of this node. */
  readonly restore: () => Iterable<Restoring>
}

/** Finds the hub, becomes it where there is none, and finds the next one when it is gone. */
export class HubAccess {
  /** The number of nodes on the hub. Undefined while that is not known. */
  liveNodes: number | undefined
  readonly #deps: HubAccessDeps
  readonly #status: HubStatus
  /** The hub that knows this node. It may be silent. */
  #hub: HubPorts | undefined
  #reached: ReachedHub | undefined
  /** The number of nodes that the last hub had, apart from the one in its process. */
  #expectedNodes = 0
  #searching: Promise<void> | undefined
  #timer: Timer
  #retryMs = firstRetryMs
  #isSilent = false
  #isClosed = false

  constructor (deps: HubAccessDeps) {
    this.#deps = deps
    this.#status = new HubStatus(deps.clock, deps.log)
  }

  get status (): AdapterStatus {
    return this.#status.status
  }

  get roundTrip (): number | undefined {
    return this.#reached?.roundTrip
  }

  /** Resolves once the hub works, or after a second without it. */
  async start (): Promise<void> {
    this.#search()
    await new Promise<void>((resolve) => this.#status.whenSettled(resolve))
  }

  /**
   * Uses the hub as `askOnce` does. A use that was under way is repeated with the next hub, which has nothing of it:
   * its state is new, and what the nodes put back has the same ids. @throws {AdapterUnavailable}
   */
  ask<T> (use: (hub: HubPorts) => Promise<T>): Promise<T> {
    return this.askOnce(use).catch((error: unknown) => {
      if (error instanceof HubGone) return this.askOnce(use)
      throw error
    })
  }

  /**
   * Uses the hub if it works, and waits a moment for a hub that is being replaced. All uses are in the order of these
   * calls. @throws {AdapterUnavailable}
   */
  askOnce<T> (use: (hub: HubPorts) => Promise<T>): Promise<T> {
    if (this.#status.isSettled) return this.#useNow(use)
    return new Promise((resolve) => this.#status.whenSettled(() => resolve(this.#useNow(use))))
  }

  /**
   * Tells the hub about a change of this node's state, which this node keeps for the next hub too. Resolves once the
   * hub has it; at once while there is none, or while it is silent.
   */
  async tell (change: (hub: HubPorts) => Promise<unknown>): Promise<void> {
    const told = this.#hub && change(this.#hub).catch(() => {})
    if (!this.#isSilent) await told
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#deps.clock.clearTimeout(this.#timer)
    this.#status.close()
    await this.#searching
    await this.#reached?.end()
    this.#hub = undefined
  }

  #useNow<T> (use: (hub: HubPorts) => Promise<T>): Promise<T> {
    const { status } = this
    if (status.state === 'up') return use(this.#hub as HubPorts)
    return Promise.reject(new AdapterUnavailable(status.reason))
  }

  #search (): void {
    this.#searching = findHub(this.#deps.directory).then((found) => this.#reach(found), (error: Error) => {
      this.#status.note(`the directory of the hub cannot be used (${error.message}): check it`)
      this.#searchLater()
    })
  }

  #searchLater (): void {
    if (this.#isClosed) return
    this.#timer = this.#deps.clock.setTimeout(() => this.#search(), this.#retryMs)
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs)
  }

  #reach (found: Found): void {
    const { log, directory: { path } } = this.#deps
    if ('server' in found) log.info({ path }, 'this process is the hub of the processes on this machine')
    this.#reached = reachHub(found, { ...this.#deps, expectedNodes: this.#expectedNodes }, {
      welcomed: (hub) => {
        this.#retryMs = firstRetryMs
        this.#restore(hub)
      },
      failed: (reason) => {
        this.#isSilent = true
        this.#status.note(reason, true)
      },
      answered: () => {
        this.#isSilent = false
        if (this.#hub) this.#restore(this.#hub)
      },
      nodesChanged: (count) => { this.liveNodes = count },
      lost: (reason) => this.#lose(reason)
    })
  }

  /** The hub knows this node, or answers again: it gets what it may not have. Then this node reads what it missed. */
  async #restore (hub: HubPorts): Promise<void> {
    const { restore, receiver, clock } = this.#deps
    this.#hub = hub
    const isCurrent = () => this.#hub === hub && !this.#isSilent && !this.#isClosed
    try {
      await tellAll(hub, restore())
      await hub.ready()
      if (!isCurrent()) return
      this.#status.noteUp()
      receiver.gap()
    } catch {
      if (isCurrent()) this.#timer = clock.setTimeout(() => this.#restore(hub), longestRetryMs)
    }
  }

  #lose (reason: string): void {
    if (this.#isClosed) return
    const wasKnown = this.#hub !== undefined
    if (wasKnown) this.#expectedNodes = (this.liveNodes ?? 1) - 1
    this.#hub = undefined
    this.#reached = undefined
    this.#isSilent = false
    this.liveNodes = undefined
    this.#deps.clock.clearTimeout(this.#timer)
    if (!wasKnown) return this.#searchLater()
    this.#status.note(reason)
    this.#search()
  }
}

/** In parts, so that a large state does not fill the connection, and in order. */
async function tellAll (hub: HubPorts, restoring: Iterable<Restoring>): Promise<void> {
  let told: Array<Promise<unknown>> = []
  for (const restore of restoring) {
    told.push(restore(hub))
    if (told.length < restoredAtOnce) continue
    await Promise.all(told)
    told = []
  }
  await Promise.all(told)
}
