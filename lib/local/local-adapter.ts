import type { Clock } from '../clock.ts'
import type { Adapter, AdapterCounters, AdapterStatus } from '../cluster/adapter.ts'
import { AdapterEventRelay, type AdapterEvents } from '../cluster/events.ts'
import { clusterTimings, type ClusterTimings } from '../cluster/timings.ts'
import type { Logger } from '../logger.ts'
import { newId } from '../new-id.ts'
import { openHubDirectory } from './hub/hub-directory.ts'
import { HubAccess } from './hub-access.ts'
import type { Restoring } from './hub-ports.ts'
import { LocalHistory } from './ports/local-history.ts'
import { LocalIdempotency } from './ports/local-idempotency.ts'
import { LocalNodes } from './ports/local-nodes.ts'
import { LocalPresence } from './ports/local-presence.ts'
import { LocalPubSub } from './ports/local-pubsub.ts'
import { LocalQuota } from './ports/local-quota.ts'
import { steadyClock } from './steady-clock.ts'

export interface LocalAdapterOptions {
  /**
   * The path of the directory that the processes share; it is made where it is missing. `true`: one that follows from
   * the user and the application.
   */
  readonly path: string | true
  readonly clock: Clock
  readonly log: Logger
  /** Equal on all nodes. @default clusterTimings */
  readonly timings?: ClusterTimings
}

/**
 * Connects the processes of one machine. One of them, the hub, has the shared state in its memory; the others reach it
 * over a Unix socket. When its process is gone, another one takes over.
 */
export class LocalAdapter implements Adapter {
  readonly nodeId = newId()
  readonly pubsub: LocalPubSub
  readonly history: LocalHistory
  readonly presence: LocalPresence
  readonly idempotency: LocalIdempotency
  readonly quota: LocalQuota
  readonly nodes: LocalNodes
  readonly #access: HubAccess
  readonly #events = new AdapterEventRelay()
  #received = 0
  #poison = 0

  /** @throws {Error} when the directory cannot be used */
  constructor ({ path, clock, log, timings = clusterTimings }: LocalAdapterOptions) {
    const steady = steadyClock(clock)
    const access = this.#access = new HubAccess({
      directory: openHubDirectory(path),
      nodeId: this.nodeId,
      clock: steady,
      log,
      timings,
      receiver: this.#newReceiver(),
      malformed: () => { this.#poison++ },
      restore: () => this.#restore(),
      graces: () => this.presence.graces,
      takeOverGraces: (graces) => this.presence.takeOver(graces)
    })
    this.pubsub = new LocalPubSub(access)
    this.history = new LocalHistory(access)
    this.presence = new LocalPresence(access, steady)
    this.idempotency = new LocalIdempotency(access, steady, timings)
    this.quota = new LocalQuota(access)
    const revoked = (key: string, until: number) => this.#events.revoked(key, until)
    this.nodes = new LocalNodes({ access, clock, steadyClock: steady, revoked })
  }

  get status (): AdapterStatus {
    return this.#access.status
  }

  get counters (): AdapterCounters {
    const { published, dropped } = this.pubsub
    return { published, received: this.#received, dropped, poison: this.#poison }
  }

  get roundTrip (): number | undefined {
    return this.#access.roundTrip
  }

  get liveNodes (): number | undefined {
    return this.#access.liveNodes
  }

  async start (events: AdapterEvents): Promise<void> {
    this.#events.connect(events)
    await this.#access.start()
  }

  close (): Promise<void> {
    return this.#access.close()
  }

  #newReceiver (): AdapterEvents {
    const events = this.#events
    return {
      message: (...args) => {
        this.#received++
        events.message(...args)
      },
      presenceChanged: (...args) => {
        this.#received++
        events.presenceChanged(...args)
      },
      entriesAppended: (...args) => {
        this.#received++
        events.entriesAppended(...args)
      },
      gap: () => events.gap(),
      revoked: (key, end) => this.nodes.receive(key, end),
      requested: (request) => events.requested(request)
    }
  }

  /** The replies first, so that no message is handled a second time. */
  * #restore (): Iterable<Restoring> {
    for (const port of [this.idempotency, this.pubsub, this.nodes, this.quota, this.presence]) yield * port.restore()
  }
}
