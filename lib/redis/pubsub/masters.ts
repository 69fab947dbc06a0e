import type { Clock } from '../../clock.ts'
import type { Connections } from '../connections.ts'
import { issues, type Issue } from '../health/issues.ts'
import type { Publisher } from './message-kinds.ts'
import { Probe } from './probe.ts'
import { Subscriber } from './subscriber.ts'

/** The subscriptions at one master, and what proves that they work. */
interface Master { readonly subscriber: Subscriber, probe: Probe }

export interface MastersDeps {
  readonly connections: Connections
  readonly publisher: Publisher
  readonly clock: Clock
  /** The name of a probe of this node. Its text makes it belong to one master. */
  readonly probeName: (text: string) => string
}

export interface MastersEvents {
  message (name: string, message: Buffer): void
  /** What is wrong with the subscriptions may have changed. */
  issueChanged (): void
  /** A probe is sent to this name, at this master, from now on. */
  probeAdded (probe: Probe, master: string): void
  probeRemoved (probe: Probe): void
}

/** The masters that hold subscriptions, each with a connection and a probe of its own. */
export class Masters {
  readonly #deps: MastersDeps
  readonly #events: MastersEvents
  readonly #masters = new Map<string, Master>()

  constructor (deps: MastersDeps, events: MastersEvents) {
    this.#deps = deps
    this.#events = events
  }

  /** What is wrong with the subscriptions; undefined when messages pass at each master. */
  get issue (): Issue | undefined {
    const masters = [...this.#masters.values()]
    if (masters.length === 0 || masters.some(({ subscriber }) => !subscriber.isUp)) return issues.closed
    return masters.some(({ probe }) => probe.isLost) ? issues.silent : undefined
  }

  /** The round trip of the slowest probe, in milliseconds; undefined before the first. */
  get roundTrip (): number | undefined {
    const known = [...this.#masters.values()].flatMap(({ probe: { roundTrip } }) => roundTrip ?? [])
    return known.length === 0 ? undefined : Math.max(...known)
  }

  /** A name for each master, which belongs to it. */
  get probeNames (): string[] {
    return [...this.#masters.values()].map(({ probe }) => probe.name)
  }

  has (master: string): boolean {
    return this.#masters.has(master)
  }

  /** Undefined for a master that is not known, or not any more. */
  subscriberAt (master: string | undefined): Subscriber | undefined {
    return master === undefined ? undefined : this.#masters.get(master)?.subscriber
  }

  /**
   * Connects to new masters, disconnects from removed ones, and probes each with a name of its own. A new probe may
   * have the name of an old one, because after a failover the same slots have another master. So the old ones go first.
   */
  refresh (): void {
    const { connections } = this.#deps
    const known = connections.masters()
    for (const [name, master] of this.#masters) if (!known.includes(name)) this.#close(name, master)
    const moved = [...this.#masters].filter(([name, { probe }]) => connections.masterOf(probe.name) !== name)
    for (const [, { probe, subscriber }] of moved) {
      this.#removeProbe(probe)
      subscriber.delete(probe.name).catch(() => {})
    }
    for (const [name, master] of moved) master.probe = this.#newProbe(name, master.subscriber)
    for (const name of known) if (!this.#masters.has(name)) this.#open(name)
  }

  /** The names whose subscriptions a master has ended by itself since the last call. */
  takeLosses (): ReadonlySet<string> {
    return new Set([...this.#masters.values()].flatMap(({ subscriber }) => subscriber.takeLosses()))
  }

  /** Connects again: the addresses may lead to other servers by now. */
  reconnect (): void {
    for (const { subscriber } of this.#masters.values()) subscriber.reconnect()
  }

  close (): void {
    for (const [name, master] of this.#masters) this.#close(name, master)
  }

  #open (name: string): void {
    const report = () => this.#events.issueChanged()
    const subscriber = new Subscriber(this.#deps.connections.subscriber(name), {
      message: (...args) => this.#events.message(...args),
      up: report,
      down: report
    })
    this.#masters.set(name, { subscriber, probe: this.#newProbe(name, subscriber) })
  }

  #close (name: string, { subscriber, probe }: Master): void {
    this.#masters.delete(name)
    this.#removeProbe(probe)
    subscriber.close()
  }

  #newProbe (master: string, subscriber: Subscriber): Probe {
    const { connections, publisher, clock, probeName } = this.#deps
    const report = () => this.#events.issueChanged()
    const lost = () => {
      report()
      subscriber.reconnect()
    }
    const probe = new Probe(publisher, connections.nameAt(master, probeName), clock, { lost, returned: report })
    this.#events.probeAdded(probe, master)
    subscriber.add(probe.name).catch(() => {})
    return probe
  }

  #removeProbe (probe: Probe): void {
    probe.stop()
    this.#events.probeRemoved(probe)
  }
}
