import { deliveriesOf, goneFrom, type Deliveries } from './deliveries.ts'
import { eventsOf, type LogEvent, type RunLog } from './log.ts'
import { checkPresence } from './presence.ts'
import { timesOf, type Spread } from './times.ts'

/** What the record of one run says about the promises. A list is empty when its promise was kept. */
export interface Verdict {
  readonly sent: number
  readonly acked: number
  /** Persistent messages that were delivered, over all members. */
  readonly delivered: number
  /** Acked, or delivered to some member, and missing at a member that was not told so by a resync. */
  readonly lost: string[]
  /** Acked messages that Redis lost with a part of its history, as a resync said. */
  readonly announced: number
  readonly doubled: string[]
  readonly reordered: string[]
  readonly foreign: string[]
  readonly unsettled: string[]
  /** Idempotent messages that were given up. */
  readonly givenUp: string[]
  readonly presence: string[]
  readonly resyncs: { readonly expected: number, readonly unexpected: string[] }
  /** Ephemeral messages that reached a member, and that should have: these may be lost. */
  readonly ephemeral: { readonly delivered: number, readonly missed: number }
  /** Codes of failed sends, with their number. */
  readonly failures: Readonly<Record<string, number>>
  readonly ack: Spread
  readonly recovery: Spread
  readonly presenceMs: number
}

/** Reasons that say that the history itself was lost, whole or in part. */
const lossReasons = ['epoch', 'fork', 'future', 'trimmed', 'limit']

type Sent = Extract<LogEvent, { what: 'sent' }>

/** Checks the record of one run. A pure function. */
export function check (log: RunLog): Verdict {
  const deliveries = deliveriesOf(log)
  const all = [...deliveries.values()].flat()
  const gone = goneFrom(log)
  const present = [...deliveries.values()].map((members) => members.filter(({ client }) => !gone.has(client)))
  const sent = eventsOf(log, 'sent')
  const acked = new Set(eventsOf(log, 'acked').map(({ id }) => id))
  const failed = eventsOf(log, 'failed')
  const presence = checkPresence(log)
  const { ack, recovery } = timesOf(log, deliveries.values())
  return {
    sent: sent.length,
    acked: sent.filter(({ id, kind }) => kind !== 'hint' && acked.has(id)).length,
    delivered: all.reduce((sum, one) => sum + [...one.all.values()].filter(isPersistent).length, 0),
    ...missing(log, deliveries, sent, acked),
    doubled: [...all.flatMap(({ doubled }) => doubled), ...present.flatMap(appendedTwice)],
    reordered: [...all.flatMap(({ reordered }) => reordered), ...present.flatMap(forks)],
    foreign: foreign(log, sent),
    unsettled: unsettled(log, sent, acked),
    givenUp: givenUp(log, sent),
    presence: [...presence.wrong, ...presence.contradictions > 0 ? [`${presence.contradictions} contradictions`] : []],
    resyncs: resyncs(log, all),
    ephemeral: ephemeral(log, deliveries, sent, acked),
    failures: Object.fromEntries([...groups(failed, ({ code }) => code)].map(([code, of]) => [code, of.length])),
    ack,
    recovery,
    presenceMs: presence.rightAfterMs
  }
}

/** What broke a promise, as one list for a person. */
export function brokenIn (verdict: Verdict): string[] {
  const { lost, doubled, reordered, foreign, unsettled, givenUp, presence, resyncs: { unexpected } } = verdict
  const kinds = { lost, doubled, reordered, foreign, unsettled, 'given up': givenUp, presence, resync: unexpected }
  return Object.entries(kinds).flatMap(([kind, examples]) =>
    examples.length === 0 ? [] : [`${kind}: ${examples.length}, such as ${examples.slice(0, 3).join('; ')}`])
}

function groups<T> (items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = found.get(key)
    if (group) group.push(item)
    else found.set(key, [item])
  }
  return found
}

const isPersistent = ({ offset }: { readonly offset?: number | undefined }) => offset !== undefined

/** Persistent messages that a member lacks. */
function missing (
  log: RunLog, deliveries: ReadonlyMap<string, readonly Deliveries[]>, sent: readonly Sent[], acked: ReadonlySet<string>
): { lost: string[], announced: number } {
  const gone = goneFrom(log)
  const lost: string[] = []
  const announced = new Set<string>()
  const byChannel = groups(sent.filter(({ kind }) => kind !== 'hint'), ({ channel }) => channel)
  for (const [channel, members] of deliveries) {
    const resyncedAt = members.map((member) => lossOf(member))
    for (const { id, at } of byChannel.get(channel) ?? []) {
      if (!acked.has(id) && !members.some((member) => member.all.has(id))) continue
      for (const [i, member] of members.entries()) {
        if (gone.has(member.client) || member.has(id)) continue
        // Where Redis lost a part of its history, those who had that part are told. Others continue without it.
        const toldAt = log.losesHistory ? Math.max(...resyncedAt) : resyncedAt[i] as number
        if (toldAt >= at && acked.has(id)) announced.add(id)
        if (toldAt < at) lost.push(`${id} in ${channel} at ${member.client}`)
      }
    }
  }
  return { lost, announced: announced.size }
}

/** When a member was last told that a part of the history is lost. */
function lossOf ({ resyncs }: Deliveries): number {
  return Math.max(0, ...resyncs.filter(({ reason }) => [...lossReasons, 'slow'].includes(reason)).map(({ at }) => at))
}

/** Messages that one history has at two offsets, as its members see it since their last resyncs. */
function appendedTwice (members: readonly Deliveries[]): string[] {
  const offsetOf = new Map<string, number>()
  const doubled = new Set<string>()
  for (const { offsets } of members) {
    for (const [offset, id] of offsets) {
      if ((offsetOf.get(id) ?? offset) !== offset) doubled.add(`${id} has two offsets`)
      offsetOf.set(id, offset)
    }
  }
  return [...doubled]
}

/** Offsets at which members have different messages since their last resyncs. */
function forks (members: readonly Deliveries[]): string[] {
  const idAt = new Map<number, string>()
  const found = new Set<string>()
  for (const { channel, offsets } of members) {
    for (const [offset, id] of offsets) {
      if ((idAt.get(offset) ?? id) !== id) found.add(`${channel} has two messages at ${offset}`)
      idAt.set(offset, id)
    }
  }
  return [...found]
}

function foreign (log: RunLog, sent: readonly Sent[]): string[] {
  const channelOf = new Map(sent.map(({ id, channel }) => [id, channel]))
  return eventsOf(log, 'received')
    .filter(({ id, channel, of }) => of !== channel || channelOf.get(id) !== channel)
    .map(({ client, channel, id, of }) => `${client} got ${id} of ${of} in ${channel}`)
}

function unsettled (log: RunLog, sent: readonly Sent[], acked: ReadonlySet<string>): string[] {
  const failed = new Set(eventsOf(log, 'failed').map(({ id }) => id))
  return sent.filter(({ id }) => !acked.has(id) && !failed.has(id)).map(({ id, kind }) => `${kind} ${id}`)
}

/** An idempotent message is sent again until it is acked; only a client that leaves gives it up. */
function givenUp (log: RunLog, sent: readonly Sent[]): string[] {
  const gone = goneFrom(log)
  const kindOf = new Map(sent.map(({ id, kind }) => [id, kind]))
  return eventsOf(log, 'failed')
    .filter(({ id, client }) => kindOf.get(id) === 'write' && !gone.has(client))
    .map(({ id, code }) => `${id}: ${code}`)
}

function resyncs (log: RunLog, all: readonly Deliveries[]): Verdict['resyncs'] {
  const causes = [...log.losesHistory ? lossReasons : [], ...log.hasSlowReaders ? ['slow'] : []]
  const found = all.flatMap(({ client, channel, resyncs }) =>
    resyncs.map(({ reason, at }) => ({ reason, text: `${client} in ${channel}: ${reason} at ${at - log.began} ms` })))
  const unexpected = found.filter(({ reason }) => !causes.includes(reason))
  return { expected: found.length - unexpected.length, unexpected: unexpected.map(({ text }) => text) }
}

function ephemeral (
  log: RunLog, deliveries: ReadonlyMap<string, readonly Deliveries[]>, sent: readonly Sent[], acked: ReadonlySet<string>
): Verdict['ephemeral'] {
  const gone = goneFrom(log)
  let [delivered, missed] = [0, 0]
  for (const { id, channel } of sent.filter(({ kind, id }) => kind === 'hint' && acked.has(id))) {
    const members = (deliveries.get(channel) ?? []).filter(({ client }) => !gone.has(client))
    const got = members.filter(({ all }) => all.has(id)).length
    delivered += got
    missed += members.length - got
  }
  return { delivered, missed }
}
