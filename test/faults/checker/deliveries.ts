import { eventsOf, type LogEvent, type Received, type RunLog } from './log.ts'

type Delivery = Received & { readonly at: number, readonly client: string }

/** What one client saw of one channel: everything, and what came since its last resync. */
export class Deliveries {
  readonly client: string
  readonly channel: string
  readonly all = new Map<string, Delivery>()
  readonly doubled: string[] = []
  readonly reordered: string[] = []
  /** The times and reasons of its resyncs. */
  readonly resyncs: Array<{ readonly at: number, readonly reason: string }> = []
  /** Since the last resync: the message at each offset. */
  offsets = new Map<number, string>()
  #seen = new Set<string>()
  #offset = 0
  readonly #newest = new Map<string, number>()

  constructor (client: string, channel: string) {
    this.client = client
    this.channel = channel
  }

  /** Whether it has a message: since its last resync, where the history has it at all. */
  has (id: string): boolean {
    return this.#seen.has(id)
  }

  take (event: LogEvent): void {
    if (event.what === 'resync') this.#resync(event.at, event.reason)
    if (event.what === 'received') this.#receive(event)
  }

  /** A resync says that the state so far is void, so that all that follows may repeat it. */
  #resync (at: number, reason: string): void {
    this.resyncs.push({ at, reason })
    this.offsets = new Map()
    this.#seen = new Set([...this.#seen].filter((id) => this.all.get(id)?.offset === undefined))
    this.#offset = 0
  }

  #receive (message: Delivery): void {
    const { id, offset, connection, n } = message
    if (this.#seen.has(id)) this.doubled.push(`${this.client} got ${id} twice`)
    this.#seen.add(id)
    this.all.set(id, message)
    if (offset === undefined) this.#order(`${connection} ${id.split('/')[0]}`, n, id)
    else {
      if (offset <= this.#offset) this.reordered.push(`${this.client} got ${id} at ${offset} after ${this.#offset}`)
      this.#offset = offset
      this.offsets.set(offset, id)
    }
  }

  /** Ephemeral messages keep the order of the connection that sent them. */
  #order (sender: string, n: number, id: string): void {
    const newest = this.#newest.get(sender) ?? -1
    if (n < newest) this.reordered.push(`${this.client} got ${id} after the later ${newest}`)
    this.#newest.set(sender, Math.max(n, newest))
  }
}

/** The deliveries of every client in every channel, by channel. */
export function deliveriesOf (log: RunLog): Map<string, Deliveries[]> {
  const byChannel = new Map<string, Deliveries[]>()
  const byName = new Map<string, Deliveries>()
  for (const [channel, members] of Object.entries(log.members)) {
    const all = members.map((client) => new Deliveries(client, channel))
    byChannel.set(channel, all)
    for (const one of all) byName.set(`${one.client} ${channel}`, one)
  }
  for (const event of log.events) {
    if ('channel' in event) byName.get(`${event.client} ${event.channel}`)?.take(event)
  }
  return byChannel
}

/** Clients that left for good during the run: they need not get anything. */
export function goneFrom (log: RunLog): Set<string> {
  return new Set(eventsOf(log, 'gone').map(({ client }) => client))
}
