import type { Server, Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { ClusterTimings } from '../cluster/timings.ts'
import type { GracePeriod } from './grace-period.ts'
import type { Found } from './hub/find-hub.ts'
import type { HubDirectory } from './hub/hub-directory.ts'
import { LocalHub } from './hub/local-hub.ts'
import type { HubPorts } from './hub-ports.ts'
import { HubConnection } from './wire/hub-connection.ts'
import { remotePorts } from './wire/remote-ports.ts'

/** What happens to a hub that was found. */
export interface HubEvents {
  /** It knows this node. */
  welcomed (hub: HubPorts): void
  /** It does not work, for a reason that an operator has to know. */
  failed (reason: string): void
  /** It answers again. */
  answered (): void
  nodesChanged (count: number): void
  lost (reason: string): void
}

export interface ReachDeps {
  /** The number of nodes that the last hub had, apart from the one in its process. */
  readonly expectedNodes: number
  readonly directory: HubDirectory
  readonly nodeId: string
  /** A clock that does not jump. */
  readonly clock: Clock
  readonly timings: ClusterTimings
  /** Receives what the hub reports. */
  readonly receiver: AdapterEvents
  readonly malformed: () => void
  /** The running grace periods of this node: another node has to end them when this process was the hub. */
  readonly graces: () => readonly GracePeriod[]
  /** The same of a hub that closed. */
  readonly takeOverGraces: (graces: readonly GracePeriod[]) => void
}

/** A hub in this process or in another one. */
export interface ReachedHub {
  /** Whether this process is the hub. */
  readonly isOwn: boolean
  readonly roundTrip: number | undefined
  end (): Promise<void>
}

/** Makes use of the hub that was found, or that this process has become. */
export function reachHub (found: Found, deps: ReachDeps, events: HubEvents): ReachedHub {
  return 'socket' in found ? connectHub(found.socket, deps, events) : leadHub(found, deps, events)
}

function leadHub (
  found: { readonly server: Server, readonly generation: number }, deps: ReachDeps, events: HubEvents
): ReachedHub {
  const { nodeId, receiver, graces } = deps
  const hub = new LocalHub({
    ...deps,
    ...found,
    nodesChanged: (count) => events.nodesChanged(count),
    lost: () => { end().then(() => events.lost('the directory of the hub was removed')) }
  })
  const node = hub.newNode(nodeId)
  const end = async () => {
    await node.close()
    await hub.close(graces())
  }
  node.start(receiver)
  hub.announceNodes()
  const { pubsub, history, presence, idempotency, quota, nodes } = node
  const ready = () => hub.ready(nodeId)
  events.welcomed({ pubsub, history, presence, idempotency, quota, nodes, ready })
  return { isOwn: true, roundTrip: undefined, end }
}

function connectHub (socket: Socket, deps: ReachDeps, events: HubEvents): ReachedHub {
  const { clock, directory: { path }, malformed, takeOverGraces } = deps
  const connection = new HubConnection(socket, {
    ...deps,
    events: {
      welcome: () => events.welcomed(remotePorts(connection, clock)),
      refused: (version) => events.failed(`the hub, another process of this machine, speaks version ${version} of ` +
        'its protocol: restart all processes with one version of fastify-channels'),
      silent: (isSilent) => {
        if (isSilent) events.failed(`${processOf(connection)} does not answer: resume its process, or end it`)
        else events.answered()
      },
      nodesChanged: (count) => events.nodesChanged(count),
      gracesReceived: takeOverGraces,
      malformed,
      lost: () => events.lost(`the hub in '${path}' closed the connection: check the log of its process`)
    }
  })
  return { isOwn: false, get roundTrip () { return connection.roundTrip }, end: () => connection.end() }
}

/** Its process is unknown while it has never answered. */
function processOf ({ pid }: HubConnection): string {
  return pid === undefined ? 'the hub' : `the hub (process ${pid})`
}
