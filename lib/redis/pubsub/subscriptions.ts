import type { Timer } from '../../clock.ts'
import { CoalescedTask } from '../../coalesced-task.ts'
import type { Issue } from '../health/issues.ts'
import { Masters, type MastersDeps } from './masters.ts'
import { readKind, type Receivers, type Subscriptions } from './message-kinds.ts'
import type { PoisonReports } from './poison-reports.ts'
import { namesPerStep } from './subscriber.ts'

/** How long a name stays subscribed after `unsubscribe`, because a reconnecting client often returns at once. */
const lingerMs = 1_000
/** How often the node looks for new masters and moved slots. */
const refreshIntervalMs = 1_000

interface Subscription {
  receivers: Receivers
  /** The master at which the name is subscribed, or about to be. */
  master: string | undefined
  /** Settles with a subscription that is under way. */
  placing: Promise<void> | undefined
  unsubscribeTimer: Timer
}

export interface SubscriptionEvents {
  /** A subscription moved, so messages may have been missed though nothing failed. */
  gap (): void
  /** The issue with the subscriptions, after which messages have been missed; undefined when there is none. */
  issueChanged (issue: Issue | undefined): void
  /** Redis refused a subscription. */
  refused (cause: unknown): void
}

export interface SubscriptionsDeps extends MastersDeps {
  readonly events: SubscriptionEvents
  readonly poison: PoisonReports
}

/** All subscriptions of this node: each at the master of its name, probed, and restored after every interruption. */
export class RedisSubscriptions implements Subscriptions {
  readonly #deps: SubscriptionsDeps
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #masters: Masters
  readonly #moves = new CoalescedTask(() => this.#moveAll())
  /** The names that a master has ended since the last look at all names began. */
  #lost = new Set<string>()
  #timer: Timer

  constructor (deps: SubscriptionsDeps) {
    this.#deps = deps
    this.#masters = new Masters(deps, {
      message: (name, message) => this.#receive(name, message),
      issueChanged: () => this.#reportIssue(),
      probeAdded: (probe, master) => {
        this.#subscriptions.set(probe.name, { ...newSubscription({ o: (body) => probe.receive(body) }), master })
      },
      probeRemoved: (probe) => this.#subscriptions.delete(probe.name)
    })
  }

  /** The round trip of the slowest master's probe, in milliseconds; undefined before the first. */
  get roundTrip (): number | undefined {
    return this.#masters.roundTrip
  }

  /** A name for each known master, which belongs to it. */
  get probeNames (): string[] {
    return this.#masters.probeNames
  }

  start (): void {
    this.#deps.connections.refresh()
    this.refresh()
    this.#timer = this.#deps.clock.setTimeout(() => this.start(), refreshIntervalMs)
  }

  async subscribe (name: string, receivers: Receivers): Promise<void> {
    const subscription = this.#subscriptions.get(name) ?? newSubscription(receivers)
    this.#deps.clock.clearTimeout(subscription.unsubscribeTimer)
    Object.assign(subscription, { receivers, unsubscribeTimer: undefined })
    this.#subscriptions.set(name, subscription)
    try {
      await this.#ensurePlaced(name, subscription)
    } catch (error) {
      if (this.#subscriptions.get(name) === subscription) this.#subscriptions.delete(name)
      throw error
    }
  }

  async unsubscribe (name: string): Promise<void> {
    const subscription = this.#subscriptions.get(name)
    if (!subscription) return
    const { clock } = this.#deps
    clock.clearTimeout(subscription.unsubscribeTimer)
    subscription.unsubscribeTimer = clock.setTimeout(() => {
      this.#subscriptions.delete(name)
      this.#unsubscribeAt(subscription.master, name)
    }, lingerMs)
  }

  close (): void {
    const { clock } = this.#deps
    clock.clearTimeout(this.#timer)
    for (const { unsubscribeTimer } of this.#subscriptions.values()) clock.clearTimeout(unsubscribeTimer)
    this.#subscriptions.clear()
    this.#masters.close()
  }

  /** Connects again: the addresses may lead to other servers by now. */
  reconnect (): void {
    this.#masters.reconnect()
  }

  /**
   * Looks for new and removed masters, and moves the names whose slot has moved. A slot may have moved and come back
   * since the last look, so names that a master has ended are subscribed again.
   */
  refresh (): void {
    // First, because a new probe is not subscribed yet.
    for (const name of this.#masters.takeLosses()) this.#lost.add(name)
    this.#masters.refresh()
    this.#moves.run()
    this.#reportIssue()
  }

  /** In batches, because thousands of names may have moved at once. There is one report for all of them. */
  async #moveAll (): Promise<void> {
    const lost = this.#lost
    this.#lost = new Set()
    const all = [...this.#subscriptions]
    let hasMoved = false
    for (let i = 0; i < all.length; i += namesPerStep) {
      if (i > 0) await new Promise(setImmediate)
      const batch = all.slice(i, i + namesPerStep)
      const moved = await Promise.all(batch.map(([name, one]) => this.#move(name, one, lost.has(name))))
      hasMoved ||= moved.includes(true)
    }
    // Without a name nothing was missed, as after `close`.
    if (hasMoved && this.#subscriptions.size > 0) this.#deps.events.gap()
  }

  /** Resolves to whether the name was subscribed again. A failure is repeated by the next refresh. */
  async #move (name: string, subscription: Subscription, isLost: boolean): Promise<boolean> {
    if (subscription.placing || this.#subscriptions.get(name) !== subscription) return false
    if (!isLost && this.#isPlaced(name, subscription)) return false
    return await this.#startPlacing(name, subscription).then(() => true, () => false)
  }

  #ensurePlaced (name: string, subscription: Subscription): Promise<void> {
    if (!subscription.placing && this.#isPlaced(name, subscription)) return Promise.resolve()
    return subscription.placing ?? this.#startPlacing(name, subscription)
  }

  #startPlacing (name: string, subscription: Subscription): Promise<void> {
    subscription.placing = this.#place(name, subscription).finally(() => { subscription.placing = undefined })
    return subscription.placing
  }

  #isPlaced (name: string, { master }: Subscription): boolean {
    return master !== undefined && this.#masters.has(master) && master === this.#deps.connections.masterOf(name)
  }

  async #place (name: string, subscription: Subscription): Promise<void> {
    const master = this.#deps.connections.masterOf(name)
    // The master is not known yet: a later refresh subscribes.
    if (master === undefined || !this.#masters.has(master)) return
    if (master !== subscription.master) this.#unsubscribeAt(subscription.master, name)
    subscription.master = master
    try {
      await this.#masters.subscriberAt(master)?.add(name)
    } catch (error) {
      subscription.master = undefined
      this.#deps.events.refused(error)
      throw error
    }
  }

  #unsubscribeAt (master: string | undefined, name: string): void {
    this.#masters.subscriberAt(master)?.delete(name).catch(() => {})
  }

  #receive (name: string, message: Buffer): void {
    const subscription = this.#subscriptions.get(name)
    if (!subscription || subscription.unsubscribeTimer !== undefined) return
    try {
      const receive = subscription.receivers[readKind(message)]
      if (!receive) throw new TypeError('a message of a kind that does not belong to this name')
      receive(message.subarray(2))
    } catch (error) {
      this.#deps.poison.add(name, error)
    }
  }

  #reportIssue (): void {
    this.#deps.events.issueChanged(this.#masters.issue)
  }
}

function newSubscription (receivers: Receivers): Subscription {
  return { receivers, master: undefined, placing: undefined, unsubscribeTimer: undefined }
}
