import type { Clock, Timer } from '../../clock.ts'
import type { Connections } from '../connections.ts'
import type { PoisonLog } from './poison-log.ts'
import { Probe } from './probe.ts'
import { Subscriber } from './subscriber.ts'
import { readKind, type Kind, type Publisher, type Subscriptions, type Take } from './message-kinds.ts'

/** Milliseconds that a name stays subscribed when nobody wants it any more: somebody may be back at once. */
const linger = 1_000
/** Milliseconds between two looks at which masters there are, and which names belong to them. */
const every = 1_000

interface Wanted {
  takes: Partial<Record<Kind, Take>>
  /** Where it is subscribed, or about to be. */
  master: string | undefined
  /** Settles with the subscription that is under way. */
  placing: Promise<void> | undefined
  leaving: Timer
}

export interface SubscriptionEvents {
  /** Messages may have been missed though nothing was wrong. */
  gap (): void
  /** Whether all masters are up and answer their probes: what is wrong, after which messages have been missed. */
  health (reason: string | undefined): void
}

interface Master { readonly subscriber: Subscriber, readonly probe: Probe }

/** What this node is subscribed to, each name at the master it belongs to, probed, and restored whatever happens to Redis. */
export class RedisSubscriptions implements Subscriptions {
  readonly #connections: Connections
  readonly #publisher: Publisher
  readonly #events: SubscriptionEvents
  readonly #clock: Clock
  readonly #poison: PoisonLog
  readonly #probeName: (number: number) => string
  readonly #wanted = new Map<string, Wanted>()
  readonly #masters = new Map<string, Master>()
  #timer: Timer

  /** `probeName`: names of this node's own, as many as it takes for one to belong to each master. */
  constructor (connections: Connections, publisher: Publisher, events: SubscriptionEvents, clock: Clock, poison: PoisonLog, probeName: (number: number) => string) {
    this.#connections = connections
    this.#publisher = publisher
    this.#events = events
    this.#clock = clock
    this.#poison = poison
    this.#probeName = probeName
  }

  /** Of the slowest master's probe, in milliseconds; undefined until one has come back. */
  get roundTrip (): number | undefined {
    const known = [...this.#masters.values()].flatMap(({ probe: { roundTrip } }) => roundTrip ?? [])
    return known.length === 0 ? undefined : Math.max(...known)
  }

  start (): void {
    this.#connections.refresh()
    this.look()
    this.#timer = this.#clock.setTimeout(() => this.start(), every)
  }

  async subscribe (name: string, takes: Partial<Record<Kind, Take>>): Promise<void> {
    const wanted = this.#wanted.get(name) ?? { takes, master: undefined, placing: undefined, leaving: undefined }
    this.#clock.clearTimeout(wanted.leaving)
    Object.assign(wanted, { takes, leaving: undefined })
    this.#wanted.set(name, wanted)
    try {
      await this.#placed(name, wanted)
    } catch (error) {
      if (this.#wanted.get(name) === wanted) this.#wanted.delete(name)
      throw error
    }
  }

  async unsubscribe (name: string): Promise<void> {
    const wanted = this.#wanted.get(name)
    if (!wanted) return
    this.#clock.clearTimeout(wanted.leaving)
    wanted.leaving = this.#clock.setTimeout(() => this.#drop(name, wanted), linger)
  }

  close (): void {
    this.#clock.clearTimeout(this.#timer)
    for (const { leaving } of this.#wanted.values()) this.#clock.clearTimeout(leaving)
    for (const { subscriber, probe } of this.#masters.values()) {
      probe.stop()
      subscriber.close()
    }
  }

  /** Connects to masters that are new, lets go of those that are gone, and moves names whose slot has moved. */
  look (): void {
    const masters = this.#connections.masters()
    for (const master of masters) if (!this.#masters.has(master)) this.#open(master)
    for (const [master, { subscriber, probe }] of this.#masters) {
      if (masters.includes(master)) continue
      probe.stop()
      subscriber.close()
      this.#masters.delete(master)
    }
    for (const [name, wanted] of this.#wanted) {
      if (wanted.placing || this.#isPlaced(name, wanted)) continue
      // It is tried again with the next look.
      this.#placed(name, wanted).then(() => this.#events.gap(), () => {})
    }
    this.#tell()
  }

  #placed (name: string, wanted: Wanted): Promise<void> {
    if (!wanted.placing && this.#isPlaced(name, wanted)) return Promise.resolve()
    wanted.placing ??= this.#place(name, wanted).finally(() => { wanted.placing = undefined })
    return wanted.placing
  }

  #isPlaced (name: string, { master }: Wanted): boolean {
    return master !== undefined && this.#masters.has(master) && master === this.#connections.masterOf(name)
  }

  async #place (name: string, wanted: Wanted): Promise<void> {
    const master = this.#connections.masterOf(name)
    // Nobody knows yet where it belongs: the next look does.
    if (master === undefined || !this.#masters.has(master)) return
    if (wanted.master !== undefined) this.#masters.get(wanted.master)?.subscriber.delete(name).catch(() => {})
    wanted.master = master
    try {
      await this.#masters.get(master)?.subscriber.add(name)
    } catch (error) {
      wanted.master = undefined
      throw error
    }
  }

  #drop (name: string, wanted: Wanted): void {
    this.#wanted.delete(name)
    if (wanted.master !== undefined) this.#masters.get(wanted.master)?.subscriber.delete(name).catch(() => {})
  }

  #open (master: string): void {
    const subscriber = new Subscriber(this.#connections.subscriber(master), {
      message: (name, message) => this.#take(name, message),
      up: () => this.#tell(),
      down: () => this.#tell()
    })
    const probe = new Probe(this.#publisher, this.#nameAt(master), this.#clock, () => {
      this.#tell()
      subscriber.reconnect()
    }, () => this.#tell())
    this.#masters.set(master, { subscriber, probe })
    this.#wanted.set(probe.name, { takes: { o: (body) => probe.heard(body) }, master, placing: undefined, leaving: undefined })
    subscriber.add(probe.name).catch(() => {})
  }

  #nameAt (master: string): string {
    let number = 0
    while (this.#connections.masterOf(this.#probeName(number)) !== master) number++
    return this.#probeName(number)
  }

  #take (name: string, message: Buffer): void {
    const wanted = this.#wanted.get(name)
    if (!wanted || wanted.leaving !== undefined) return
    try {
      const take = wanted.takes[readKind(message)]
      if (!take) throw new TypeError('nobody takes messages of that kind here')
      take(message.subarray(2))
    } catch (error) {
      this.#poison.add(name, error)
    }
  }

  #tell (): void {
    this.#events.health(faultOf([...this.#masters.values()]))
  }
}

function faultOf (masters: readonly Master[]): string | undefined {
  if (masters.length === 0) return 'no master is known'
  if (masters.some(({ subscriber }) => !subscriber.isUp)) return 'a connection for subscriptions is down'
  return masters.some(({ probe }) => probe.isSilent) ? 'a probe did not come back' : undefined
}
