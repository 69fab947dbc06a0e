import { randomUUID } from 'node:crypto'
import type { EncodedMessage, WhenSlow } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'
import type {
  Adapter, AdapterStatus, NodeAnswers, IdempotencyClaim, ClaimOutcome, AppendedEntry, Append, AppendOutcome, HistoryRead, PresenceEntryRequest, PresenceList, AdapterEvents, QuotaOutcome
} from '../cluster/adapter.ts'
import { MemoryHub, type HubNode } from './memory-hub.ts'

export { MemoryHub }

/** The adapter of a single process: the default, where nothing else is configured. */
export class MemoryAdapter implements Adapter {
  readonly node = randomUUID()
  readonly status: AdapterStatus = { state: 'up' }
  readonly counters = { published: 0, received: 0, dropped: 0, poison: 0 }
  readonly #hub: MemoryHub
  readonly #subscribed = new Set<string>()
  /** This node's connections in each channel's presence. */
  readonly #claims = new Map<string, Set<string>>()
  /** Its places, by connection. */
  readonly #places = new Map<string, string>()
  #self: HubNode | undefined

  constructor (hub = new MemoryHub()) {
    this.#hub = hub
  }

  start (receiver: AdapterEvents): void {
    this.#self = { id: this.node, receiver, subscribed: this.#subscribed }
    this.#hub.nodes.add(this.#self)
  }

  async close (): Promise<void> {
    if (this.#self) this.#hub.nodes.delete(this.#self)
    for (const [channel, claims] of this.#claims) for (const connection of claims) await this.exit(channel, connection)
    for (const [connection, user] of this.#places) await this.free(user, connection)
  }

  async subscribe (channel: string): Promise<void> {
    this.#subscribed.add(channel)
  }

  async unsubscribe (channel: string): Promise<void> {
    this.#subscribed.delete(channel)
  }

  async publish (channel: string, frame: EncodedMessage, whenSlow?: WhenSlow): Promise<void> {
    this.#hub.tell(channel, (node) => { if (node !== this.#self) node.receiver.frame(channel, frame, whenSlow) })
  }

  async enter (channel: string, claim: PresenceEntryRequest): Promise<void> {
    this.#claims.set(channel, (this.#claims.get(channel) ?? new Set()).add(claim.connection))
    this.#hub.change(channel, (presence) => presence.enter(claim))
  }

  async exit (channel: string, connection: string, grace = 0): Promise<void> {
    const claims = this.#claims.get(channel)
    claims?.delete(connection)
    if (claims?.size === 0) this.#claims.delete(channel)
    this.#hub.exit(channel, connection, grace)
  }

  async present (channel: string): Promise<PresenceList> {
    return this.#hub.list(channel)
  }

  async count (channel: string): Promise<number> {
    return this.#hub.count(channel)
  }

  async append (channel: string, append: Append): Promise<AppendOutcome> {
    return this.#hub.log(channel).append(append, (epoch, entry, snapshot) =>
      this.#hub.tell(channel, ({ receiver }) => receiver.entry(channel, epoch, entry, snapshot)))
  }

  async read (channel: string, since?: Position): Promise<HistoryRead> {
    return this.#hub.log(channel).read(since)
  }

  async positions (channels: readonly string[]): Promise<Array<Position | undefined>> {
    return channels.map((channel) => this.#hub.hasLog(channel) ? this.#hub.log(channel).position : undefined)
  }

  async claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    return this.#hub.log(channel).claim(claim)
  }

  async finish (channel: string, claim: IdempotencyClaim, reply: string, effects: readonly AppendedEntry[]): Promise<{ outcome: 'lost' } | { outcome: 'done', reply: string }> {
    return this.#hub.log(channel).finish(claim, reply, effects)
  }

  async release (channel: string, claim: IdempotencyClaim): Promise<void> {
    this.#hub.log(channel).release(claim)
  }

  async reserve (user: string, connection: string, limit: number): Promise<QuotaOutcome> {
    const reserved = this.#hub.places.reserve(user, connection, limit)
    if (reserved.granted) this.#places.set(connection, user)
    return reserved
  }

  async free (user: string, connection: string): Promise<void> {
    this.#places.delete(connection)
    this.#hub.places.free(user, connection)
  }

  async revoke (key: string, until: number): Promise<void> {
    for (const node of this.#others()) node.receiver.revoked(key, until)
  }

  async ask (question: unknown): Promise<NodeAnswers> {
    const asked = this.#others().map(async ({ id, receiver }) => ({ node: id, answer: await receiver.asked(question) }))
    const settled = await Promise.allSettled(asked)
    return {
      results: settled.flatMap((outcome) => outcome.status === 'fulfilled' ? [outcome.value] : []),
      missing: this.#others().filter((_, i) => settled[i]?.status === 'rejected').map(({ id }) => id)
    }
  }

  #others (): HubNode[] {
    return [...this.#hub.nodes].filter((node) => node !== this.#self)
  }
}
