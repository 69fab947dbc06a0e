import type { Clock } from '../../clock.ts'
import type { AdapterStatus } from '../../cluster/adapter.ts'
import type { Logger } from '../../logger.ts'
import type { Connections } from '../connections.ts'
import { IssueLog } from './issue-log.ts'
import { causeOf, issues, type Issue } from './issues.ts'

/** The first version with sharded pub/sub. */
const minimumVersion = 7

export interface HealthDeps {
  readonly connections: Pick<Connections, 'command' | 'servers'>
  readonly clock: Clock
  readonly log: Logger
  /** The rights that the Redis user lacks. Rejects while Redis cannot be asked. */
  readonly findRightsIssue: () => Promise<Issue | undefined>
  /** Asks Redis whether it takes writes; `setState` receives the answer. */
  readonly checkState: () => void
  /** Messages to other nodes that were dropped since the start. */
  readonly dropped: () => number
  /** Everything works, for the first time or again. */
  readonly recovered: () => void
}

/** Whether Redis works for this node, and if not, since when and why. The one place that logs it. */
export class Health {
  readonly #deps: HealthDeps
  readonly #log: IssueLog
  #status: AdapterStatus
  /** Why the connections are down, or why Redis takes no writes: the last known cause of this outage. */
  #cause: Issue = issues.connecting
  #state: Issue | undefined
  #version: Issue | undefined
  #rights: Issue | undefined
  #subscriptions: Issue | undefined = issues.connecting
  #isStateKnown = false
  #areRightsKnown = false
  #isCheckingRights = false
  #mayEvict = false
  #droppedBefore = 0

  constructor (deps: HealthDeps) {
    this.#deps = deps
    this.#log = new IssueLog(deps.log, deps.clock)
    this.#status = { state: 'degraded', since: deps.clock.now(), reason: issues.connecting.text }
    deps.connections.command.on('ready', () => this.#begin()).on('close', () => this.#noteClose())
  }

  get status (): AdapterStatus {
    return this.#status
  }

  /** An error of a connection. While all is well it may be that of a replica, or of a Sentinel that is not needed. */
  noteError (error: unknown): void {
    if (this.#status.state === 'up') return
    this.#cause = causeOf(error) ?? this.#cause
    this.#update()
  }

  /** Whether Redis takes writes. */
  setState (issue: Issue | undefined): void {
    this.#isStateKnown = true
    this.#state = issue
    this.#cause = issue ?? this.#cause
    if (!issue && !this.#areRightsKnown) this.checkRights()
    this.#update()
  }

  /**
   * The issue with the subscriptions; undefined when there is none. Rights may be its cause, and rights that were
   * missing may have been granted, so they are checked as well.
   */
  setSubscriptions (issue: Issue | undefined): void {
    this.#subscriptions = issue
    // With a Cluster no master was known when its client became ready.
    if (!this.#isStateKnown) this.#deps.checkState()
    if (issue !== undefined || this.#rights !== undefined || !this.#areRightsKnown) this.checkRights()
    this.#update()
  }

  /** Looks for missing rights, in the background and one check at a time. */
  checkRights (): void {
    if (this.#isCheckingRights) return
    this.#isCheckingRights = true
    this.#deps.findRightsIssue().then((issue) => {
      this.#areRightsKnown = true
      this.#rights = issue
      this.#update()
    }).catch(() => {}).finally(() => { this.#isCheckingRights = false })
  }

  close (): void {
    this.#log.close()
    this.#deps.connections.command.removeAllListeners('ready').removeAllListeners('close')
  }

  /** A new connection: perhaps to another server, with other rights. */
  #begin (): void {
    this.#isStateKnown = false
    this.#state = undefined
    this.#deps.checkState()
    this.checkRights()
    this.#inspect().catch(() => {})
  }

  #noteClose (): void {
    this.#isStateKnown = false
    this.#state = undefined
    this.#update()
  }

  /** Reads the version and whether Redis may evict keys. Without the right to INFO neither is known. */
  async #inspect (): Promise<void> {
    const { connections, log } = this.#deps
    const infos = await Promise.all(connections.servers().map((server) => server.info()))
    const versions = infos.map((info) => String(/redis_version:([\d.]+)/.exec(info)?.[1]))
    const tooOld = versions.find((version) => Number.parseInt(version) < minimumVersion)
    this.#version = tooOld === undefined
      ? undefined
      : { kind: 'version', text: `Redis ${tooOld} is too old: use version ${minimumVersion} or newer` }
    const mayEvict = infos.some((info) => /maxmemory:[1-9]/.test(info) && !/maxmemory_policy:noeviction/.test(info))
    if (mayEvict && !this.#mayEvict) {
      log.warn({}, 'Redis may evict keys, which loses histories and presence: set maxmemory-policy to noeviction')
    }
    this.#mayEvict = mayEvict
    this.#update()
  }

  #update (): void {
    const { clock, dropped, recovered } = this.#deps
    const issue = this.#issue()
    const before = this.#status
    if (issue) {
      const since = before.state === 'degraded' ? before.since : clock.now()
      this.#status = { state: 'degraded', since, reason: issue.text }
      this.#log.note(issue, since)
    } else if (before.state === 'degraded') {
      this.#status = { state: 'up' }
      // Of the next outage, as long as no error tells another.
      this.#cause = issues.closed
      this.#log.end(dropped() - this.#droppedBefore)
      recovered()
    }
    if (before.state === 'up') this.#droppedBefore = dropped()
  }

  #issue (): Issue | undefined {
    return this.#connectionIssue() ?? this.#state ?? this.#version ?? this.#rights ?? this.#subscriptionsIssue() ??
      (this.#isStateKnown && this.#areRightsKnown ? undefined : this.#cause)
  }

  #connectionIssue (): Issue | undefined {
    return this.#deps.connections.command.status === 'ready' ? undefined : this.#cause
  }

  #subscriptionsIssue (): Issue | undefined {
    return this.#subscriptions?.kind === 'closed' ? this.#cause : this.#subscriptions
  }
}
