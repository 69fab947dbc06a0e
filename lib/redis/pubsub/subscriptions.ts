import type { Clock, Timer } from '../../clock.ts'
import type { Connections } from '../connections.ts'
import type { Issue } from '../health/issues.ts'
import { closeMaster, issueOf, roundTripOf, type Master } from './master.ts'
import { readKind, type Publisher, type Receivers, type Subscriptions } from './message-kinds.ts'
import type { PoisonReports } from './poison-reports.ts'
import { Probe } from './probe.ts'
import { Subscriber } from './subscriber.ts'

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

export interface SubscriptionsDeps {
  readonly connections: Connections
  readonly publisher: Publisher
  readonly events: SubscriptionEvents
  readonly clock: Clock
  readonly poison: PoisonReports
  /** Names of this node, as many as it takes until one belongs to each master. */
  readonly probeName: (number: number) => string
}

/** All subscriptions of this node: each at the master of its name, probed, and restored after every interruption. */
export class RedisSubscriptions implements Subscriptions {
  readonly #deps: SubscriptionsDeps
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #masters = new Map<string, Master>()
  #timer: Timer

  constructor (deps: SubscriptionsDeps) {
    this.#deps = deps
  }

  /** The round trip of the slowest master's probe, in milliseconds; undefined before the first. */
  get roundTrip (): number | undefined {
    return roundTripOf([...this.#masters.values()])
  }

  /** A name for each known master, which belongs to it. */
  get probeNames (): string[] {
    return [...this.#masters.values()].map(({ probe }) => probe.name)
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
    for (const master of this.#masters.values()) closeMaster(master)
  }

  /** Connects again: the addresses may lead to other servers by now. */
  reconnect (): void {
    for (const { subscriber } of this.#masters.values()) subscriber.reconnect()
  }

  /** Connects to new masters, disconnects from removed ones, and moves the names whose slot has moved. */
  refresh (): void {
    const known = this.#deps.connections.masters()
    for (const name of known) if (!this.#masters.has(name)) this.#open(name)
    for (const [name, master] of this.#masters) {
      if (known.includes(name)) continue
      closeMaster(master)
      this.#masters.delete(name)
    }
    for (const [name, subscription] of this.#subscriptions) {
      if (subscription.placing || this.#isPlaced(name, subscription)) continue
      // A failure is repeated by the next refresh.
      this.#ensurePlaced(name, subscription).then(() => this.#deps.events.gap(), () => {})
    }
    this.#reportIssue()
  }

  #ensurePlaced (name: string, subscription: Subscription): Promise<void> {
    if (!subscription.placing && this.#isPlaced(name, subscription)) return Promise.resolve()
    subscription.placing ??= this.#place(name, subscription).finally(() => { subscription.placing = undefined })
    return subscription.placing
  }

  #isPlaced (name: string, { master }: Subscription): boolean {
    return master !== undefined && this.#masters.has(master) && master === this.#deps.connections.masterOf(name)
  }

  async #place (name: string, subscription: Subscription): Promise<void> {
    const master = this.#deps.connections.masterOf(name)
    // The master is not known yet: a later refresh subscribes.
    if (master === undefined || !this.#masters.has(master)) return
    this.#unsubscribeAt(subscription.master, name)
    subscription.master = master
    try {
      await this.#masters.get(master)?.subscriber.add(name)
    } catch (error) {
      subscription.master = undefined
      this.#deps.events.refused(error)
      throw error
    }
  }

  #unsubscribeAt (master: string | undefined, name: string): void {
    if (master !== undefined) this.#masters.get(master)?.subscriber.delete(name).catch(() => {})
  }

  #open (master: string): void {
    const { connections, publisher, clock } = this.#deps
    const report = () => this.#reportIssue()
    const subscriber = new Subscriber(connections.subscriber(master), {
      message: (name, message) => this.#receive(name, message),
      up: report,
      down: report
    })
    const lost = () => {
      report()
      subscriber.reconnect()
    }
    const probe = new Probe(publisher, this.#probeNameAt(master), clock, { lost, returned: report })
    this.#masters.set(master, { subscriber, probe })
    this.#subscriptions.set(probe.name, { ...newSubscription({ o: (body) => probe.receive(body) }), master })
    subscriber.add(probe.name).catch(() => {})
  }

  #probeNameAt (master: string): string {
    const { connections, probeName } = this.#deps
    let number = 0
    while (connections.masterOf(probeName(number)) !== master) number++
    return probeName(number)
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
    this.#deps.events.issueChanged(issueOf([...this.#masters.values()]))
  }
}

function newSubscription (receivers: Receivers): Subscription {
  return { receivers, master: undefined, placing: undefined, unsubscribeTimer: undefined }
}
