import type { Timer } from '../../clock.ts'
import type { JoinAck } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Membership } from '../channel/membership.ts'
import type { Client } from '../client.ts'
import type { ClientFeature } from '../feature.ts'
import type { ClientSteps, Joinable } from '../requests/client-events.ts'
import type { Call } from '../requests/call.ts'
import type { Requests } from '../requests/requests.ts'
import type { Connection } from '../transport/connection.ts'
import { goingAwayCode, normalCode } from '../transport/web-socket.ts'
import { MessageOrder } from './message-order.ts'

/** Milliseconds after the last join: messages may still be on their way over the old connection. */
const lingerMs = 1_000

/**
 * Moves to another node without a gap, as section 7 of docs/protocol.md describes: the next connection is opened, and
 * every channel is joined there, before the old one is closed.
 */
export const handover: ClientFeature = (client) => new Handover(client).listen()

/** The two connections of one client that moves. */
class Handover {
  readonly #requests: Requests
  readonly #channels: ReadonlyMap<string | undefined, Membership>
  readonly #client: Client
  /** What `steps` did before. */
  readonly #steps: ClientSteps
  /** The old connection, while there are both. */
  #replaced: Connection | undefined
  /** The addresses of the channels that are joined on it. */
  readonly #onReplaced = new Set<string | undefined>()
  readonly #order = new MessageOrder()
  #timer: Timer

  constructor (client: Client) {
    this.#requests = client.requests
    this.#channels = client.channels
    this.#client = client
    this.#steps = { ...client.requests.steps }
  }

  listen (): void {
    const { events, steps } = this.#requests
    events.add('opened', (_, before) => { before ? this.#begin(before) : this.#order.end() })
    events.add('ended', (connection) => this.#ended(connection))
    events.add('changed', (state) => {
      if (state !== 'open') this.#finish(state === 'closed' ? normalCode : goingAwayCode)
    })
    events.add('answered', () => { if (this.#replaced) this.#requests.sendWaiting() })
    events.add('joined', (channel, ack) => this.#joined(channel, ack))
    events.add('left', ({ address }, error) => this.#left(address, error !== undefined))
    steps.connectionFor = (call) => this.#connectionFor(call)
    steps.receive = (envelope, connection) => this.#receive(envelope, connection)
    steps.move = () => this.#move()
  }

  /** Opens a further connection: at once, unless the server asks at each connection. */
  #move (): void {
    const requests = this.#requests
    const { backoff } = requests
    if (this.#replaced) return requests.moveAfter(1_000) // One after the other.
    if (requests.attempt || backoff.isWaiting) return
    const { hasFailures } = backoff
    backoff.retry(() => requests.connect())
    if (!hasFailures) backoff.skipWait()
  }

  #begin (replaced: Connection): void {
    this.#replaced = replaced
    this.#order.begin()
    for (const channel of this.#channels.values()) this.#joined(channel)
  }

  /** A channel is joined. Where that is on the old connection, it is joined on the new one too. */
  #joined (channel: Joinable, ack?: JoinAck): void {
    const { address, connection, presence } = channel
    const replaced = this.#replaced
    if (replaced && connection === replaced) {
      this.#onReplaced.add(address)
      channel.replaces = replaced.welcome?.connectionId
      channel.join()
    } else if (presence && this.#onReplaced.has(address) && normal(ack?.presence) !== normal(presence.view)) {
      presence.replace(ack)
    }
    this.#restart()
  }

  #left (address: string, byServer: boolean): void {
    const replaced = this.#replaced
    const { connection } = this.#requests
    this.#onReplaced.delete(address)
    replaced?.leave(address)
    if (replaced && byServer) connection?.leave(address) // One of them has ended it.
    this.#restart()
  }

  /** The old connection stays for a second after the last change, and until nothing needs it. */
  #restart (): void {
    const { deps: { clock }, outgoing } = this.#requests
    const isMoving = (channel: Membership) => channel.connection !== this.#requests.connection
    const isBusy = () => [...this.#channels.values()].some(isMoving) || outgoing.sentOn(this.#replaced).length > 0
    clock.clearTimeout(this.#timer)
    if (!this.#replaced) return
    this.#timer = clock.setTimeout(() => isBusy() ? this.#restart() : this.#finish(goingAwayCode), lingerMs)
  }

  /** A connection has ended by itself. Where it is the new one, attempts to replace it are forgotten. */
  #ended (connection: Connection): void {
    const { backoff } = this.#requests
    if (connection === this.#replaced) this.#finish(goingAwayCode)
    else if (backoff.isWaiting) backoff.reset()
  }

  /** There is one connection, or none. Channels that are not joined on it are joined nowhere. */
  #finish (code: number): void {
    const requests = this.#requests
    const replaced = this.#replaced
    if (!replaced) return
    this.#replaced = undefined
    this.#onReplaced.clear()
    this.#restart()
    replaced.close(code)
    requests.lose(replaced)
    for (const envelope of this.#order.end()) this.#steps.receive(envelope, replaced)
    for (const channel of this.#channels.values()) {
      channel.replaces = undefined
      if (channel.connection === replaced) channel.connection = undefined
    }
    this.#client.updateState()
    requests.sendWaiting()
  }

  /** The connection on which the channel was joined last. The server keeps the order of one connection only. */
  #connectionFor ({ message }: Call): Connection | undefined {
    const { type, channel } = message
    const { connection } = this.#requests
    const replaced = this.#replaced
    if (!replaced || ['join', 'leave', 'refresh'].includes(type)) return connection
    const own = this.#channels.get(channel)?.connection ?? connection
    const isBefore = (other: Call) => other.message.channel === channel
    return own !== replaced && this.#requests.outgoing.sentOn(replaced).some(isBefore) ? undefined : own
  }

  /** The other connection says the same of what is not a message. A join under way brings what is missing. */
  #receive (envelope: Envelope, connection: Connection): void {
    const { channel, type } = envelope
    const membership = this.#channels.get(channel)
    const isNew = connection === this.#requests.connection
    const isOwn = connection === membership?.connection
    if (membership?.isJoined && !(isOwn && isNew)) {
      if (type === 'left' && !isOwn) this.#onReplaced.delete(channel)
      if (['left', 'presence', 'resync'].includes(type) ? !isOwn : membership.isGap(envelope)) return
    }
    const isTwice = isNew && (channel === undefined || (isOwn && this.#onReplaced.has(channel)))
    for (const taken of this.#order.take(envelope, isTwice)) this.#steps.receive(taken, connection)
  }
}

/** The same text for the same presence: the order of its users differs from node to node. */
function normal (view: unknown = []): string {
  return JSON.stringify(Array.isArray(view) ? view.map((entry) => JSON.stringify(entry)).sort() : view)
}
