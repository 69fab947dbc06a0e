import type { PresenceChange } from '../../protocol/control.ts'
import type { Frame, WhenSlow } from '../../protocol/frame.ts'
import { systemClock, type Clock } from '../../clock.ts'
import type { Adapter, PresenceClaim, PresenceSnapshot, Receiver } from '../adapter.ts'
import { MemoryPresence } from './memory-presence.ts'

/** What the nodes of one process share. Nodes on one hub behave as nodes on one Redis do. */
export class MemoryHub {
  readonly nodes = new Set<Receiver & { readonly subscribed: ReadonlySet<string> }>()
  readonly #presence = new Map<string, MemoryPresence>()
  readonly #clock: Clock
  #sequence = 0

  constructor (clock: Clock = systemClock) {
    this.#clock = clock
  }

  snapshot (channel: string): PresenceSnapshot {
    return { sequence: this.#sequence, entries: this.#presence.get(channel)?.entries ?? [] }
  }

  exit (channel: string, connection: string, grace: number): void {
    const now = this.#clock.now()
    const user = this.#presence.get(channel)?.exit(connection, now + grace)
    if (user === undefined) return
    if (grace > 0) this.#clock.setTimeout(() => this.#expire(channel, user), grace)
    else this.#expire(channel, user)
  }

  #expire (channel: string, user: string): void {
    this.change(channel, (presence) => presence.expire(user, this.#clock.now()))
  }

  /** Changes a channel's presence and tells every subscribed node; an empty channel costs nothing. */
  change (channel: string, apply: (presence: MemoryPresence) => PresenceChange | undefined): void {
    const presence = this.#presence.get(channel) ?? new MemoryPresence()
    const change = apply(presence)
    if (presence.isEmpty) this.#presence.delete(channel)
    else this.#presence.set(channel, presence)
    if (!change) return
    this.#sequence++
    for (const node of this.nodes) if (node.subscribed.has(channel)) node.presence(channel, this.#sequence, change)
  }
}

/** The adapter of a single process: the default, where nothing else is configured. */
export class MemoryAdapter implements Adapter {
  readonly #hub: MemoryHub
  readonly #subscribed = new Set<string>()
  /** This node's connections in each channel's presence. */
  readonly #claims = new Map<string, Set<string>>()
  #node: Receiver & { readonly subscribed: ReadonlySet<string> } | undefined

  constructor (hub = new MemoryHub()) {
    this.#hub = hub
  }

  start (receiver: Receiver): void {
    this.#node = {
      subscribed: this.#subscribed,
      frame: (channel, frame, whenSlow) => receiver.frame(channel, frame, whenSlow),
      presence: (channel, sequence, change) => receiver.presence(channel, sequence, change)
    }
    this.#hub.nodes.add(this.#node)
  }

  async subscribe (channel: string): Promise<void> {
    this.#subscribed.add(channel)
  }

  async unsubscribe (channel: string): Promise<void> {
    this.#subscribed.delete(channel)
  }

  async publish (channel: string, frame: Frame, whenSlow?: WhenSlow): Promise<void> {
    for (const node of this.#hub.nodes) if (node !== this.#node && node.subscribed.has(channel)) node.frame(channel, frame, whenSlow)
  }

  async enter (channel: string, claim: PresenceClaim): Promise<void> {
    this.#claims.set(channel, (this.#claims.get(channel) ?? new Set()).add(claim.connection))
    this.#hub.change(channel, (presence) => presence.enter(claim))
  }

  async exit (channel: string, connection: string, grace = 0): Promise<void> {
    const claims = this.#claims.get(channel)
    claims?.delete(connection)
    if (claims?.size === 0) this.#claims.delete(channel)
    this.#hub.exit(channel, connection, grace)
  }

  async present (channel: string): Promise<PresenceSnapshot> {
    return this.#hub.snapshot(channel)
  }

  async close (): Promise<void> {
    if (this.#node) this.#hub.nodes.delete(this.#node)
    for (const [channel, claims] of this.#claims) for (const connection of claims) await this.exit(channel, connection)
  }
}
