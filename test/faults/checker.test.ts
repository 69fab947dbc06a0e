import t from 'tap'
import { brokenIn, check, type Verdict } from './checker/checker.ts'
import type { LogEvent, RunLog } from './checker/log.ts'
import { lateIn } from './report.ts'

type Own<W> = Extract<LogEvent, { what: W }>
type Change = (events: readonly LogEvent[]) => readonly LogEvent[]

const clients = ['a', 'b', 'c']
const channels = ['rig/0', 'rig/1']
/** Between two messages. */
const ended = 1_950
const members = { 'rig/0': clients, 'rig/1': clients }

/** Three clients in two channels that send 40 messages, every fourth one ephemeral, and see all of them. */
function soundEvents (): LogEvent[] {
  const start = channels.flatMap((channel) => clients.map((client): LogEvent =>
    ({ at: 0, client, what: 'presence', channel, users: clients, wrong: 0 })))
  const offsets: Record<string, number> = {}
  return start.concat(Array.from({ length: 40 }, (_, n) => {
    const [sender, channel] = [clients[n % 3] as string, channels[n % 2] as string]
    const kind = n % 4 === 0 ? 'hint' : n % 4 === 1 ? 'say' : 'write'
    if (kind !== 'hint') offsets[channel] = (offsets[channel] ?? 0) + 1
    const offset = kind === 'hint' ? undefined : offsets[channel]
    const [id, at] = [`${sender}/${n}`, 100 * n]
    const message = { what: 'received', channel, of: channel, id, n, connection: `of-${sender}`, offset } as const
    return [
      { at, client: sender, what: 'sent', channel, id, kind },
      ...clients.map((client) => ({ at: at + 10, client, ...message })),
      { at: at + 20, client: sender, what: 'acked', id }
    ] satisfies LogEvent[]
  }).flat())
}

const isOf = <W extends LogEvent['what']>(what: W) => (event: LogEvent): event is Own<W> => event.what === what
/** What client b received: persistent, and ephemeral. */
const entryOf = (n: number) => (event: LogEvent) =>
  isOf('received')(event) && event.client === 'b' && event.n === n

const verdictOf = (change: Change = (events) => events, more: Partial<RunLog> = {}): Verdict =>
  check({ members, began: 1_000, ended, ...more, events: change(soundEvents()) })

/** Swaps two events, but not their times. */
function swap (first: (event: LogEvent) => boolean, second: (event: LogEvent) => boolean): Change {
  return (events) => {
    const [i, k] = [events.findIndex(first), events.findIndex(second)]
    const changed = [...events]
    changed[i] = { ...events[k] as LogEvent, at: (events[i] as LogEvent).at }
    changed[k] = { ...events[i] as LogEvent, at: (events[k] as LogEvent).at }
    return changed
  }
}

const without = (match: (event: LogEvent) => boolean): Change => (events) => events.filter((event) => !match(event))
const with_ = (...added: LogEvent[]): Change => (events) => [...events, ...added]
const again = (match: (event: LogEvent) => boolean): Change => (events) => [...events, ...events.filter(match)]

t.test('checker: a sound record breaks no promise', (t) => {
  const verdict = verdictOf()
  t.strictSame(brokenIn(verdict), [])
  t.match(verdict, { sent: 40, acked: 30, delivered: 90, ephemeral: { delivered: 30, missed: 0 }, presenceMs: 0 })
  t.strictSame(verdict.ack, { count: 30, p50: 20, p99: 20, max: 20 })
  t.end()
})

const presence = (at: number, users: readonly string[], wrong = 0): LogEvent =>
  ({ at, client: 'b', what: 'presence', channel: 'rig/0', users, wrong })
const resync = (reason: string): LogEvent => ({ at: 5_000, client: 'b', what: 'resync', channel: 'rig/0', reason })
const isAck = (n: number) => (event: LogEvent) => isOf('acked')(event) && event.id.endsWith(`/${n}`)

const injected: ReadonlyArray<readonly [name: string, change: Change, broken: string]> = [
  ['a message that one member lacks', without(entryOf(2)), 'lost: 1, such as c/2 in rig/0 at b'],
  ['an acked message that no member got', without((event) => isOf('received')(event) && event.n === 2),
    'lost: 3, such as c/2 in rig/0 at a; c/2 in rig/0 at b; c/2 in rig/0 at c'],
  ['a message without an ack that one member lacks',
    (events) => with_({ at: 4_000, client: 'c', what: 'failed', id: 'c/5', code: 'disconnected' })(
      without((event) => entryOf(5)(event) || isAck(5)(event))(events)),
    'lost: 1, such as c/5 in rig/1 at b'],
  ['a persistent message that arrives twice', again(entryOf(2)), 'doubled: 1, such as b got c/2 twice'],
  ['an ephemeral message that arrives twice', again(entryOf(0)), 'doubled: 1, such as b got a/0 twice'],
  ['a message that is appended twice', (events) => events.map((event) =>
    entryOf(38)(event) ? { ...event as Own<'received'>, offset: 99 } : event),
  'doubled: 1, such as c/38 has two offsets'],
  ['two persistent messages that change places', swap(entryOf(2), entryOf(6)), 'reordered: 1'],
  ['two ephemeral messages that change places', swap(entryOf(0), entryOf(12)),
    'reordered: 1, such as b got a/0 after the later 12'],
  ['a history with two orders', (events) => events.map((event) => {
    if (event.what !== 'received' || event.client !== 'b') return event
    return event.n === 2 ? { ...event, id: 'a/6' } : event.n === 6 ? { ...event, id: 'c/2' } : event
  }), 'reordered: 2, such as rig/0 has two messages at 1; rig/0 has two messages at 2'],
  ['a message of another channel', (events) => events.map((event) =>
    entryOf(2)(event) ? { ...event as Own<'received'>, of: 'rig/1' } : event),
  'foreign: 1, such as b got c/2 of rig/1 in rig/0'],
  ['a message that nobody sent', (events) => with_({
    ...events.find(entryOf(3)) as Own<'received'>, id: 'x/1', offset: 99
  })(events), 'foreign: 1, such as b got x/1 of rig/1 in rig/1'],
  ['a send that is never answered', without(isAck(3)), 'unsettled: 1, such as write a/3'],
  ['an idempotent message that is given up', (events) => with_(
    { at: 4_000, client: 'a', what: 'failed', id: 'a/3', code: 'unknown_outcome' })(without(isAck(3))(events)),
  'given up: 1, such as a/3: unknown_outcome'],
  ['a user who stays present', with_(presence(4_000, [...clients, 'ghost'])),
    'presence: 1, such as b in rig/0: a,b,c,ghost; expected a,b,c'],
  ['a user who is missing', with_(presence(4_000, ['a', 'b'])),
    'presence: 1, such as b in rig/0: a,b; expected a,b,c'],
  ['a user who joins twice', with_(presence(4_000, clients, 1)), 'presence: 1, such as 1 contradictions'],
  ['a resync without a cause', with_(resync('epoch')), 'resync: 1, such as b in rig/0: epoch at 4000 ms']
]

for (const [name, change, broken] of injected) {
  t.test(`checker: it finds ${name}`, (t) => {
    const found = brokenIn(verdictOf(change))
    t.ok(found.some((text) => text.startsWith(broken)), found.join('\n') || 'nothing found')
    t.ok(found.length <= 2, 'and little else')
    t.end()
  })
}

t.test('checker: what Redis lost and a resync announced is not lost', (t) => {
  const change: Change = (events) =>
    with_(resync('epoch'))(without((event) => entryOf(2)(event) || entryOf(6)(event))(events))
  const verdict = verdictOf(change, { losesHistory: true })
  t.strictSame(brokenIn(verdict), [])
  t.match(verdict, { announced: 10, resyncs: { expected: 1 } }, 'all that came before, because none of it came again')
  t.end()
})

t.test('checker: a message after the resync is lost all the same', (t) => {
  const late: LogEvent[] = [
    { at: 6_000, client: 'a', what: 'sent', channel: 'rig/0', id: 'a/99', kind: 'write' },
    { at: 6_100, client: 'a', what: 'acked', id: 'a/99' }
  ]
  const { lost } = verdictOf(with_(resync('epoch'), ...late), { losesHistory: true })
  t.equal(lost.length, 3)
  t.end()
})

t.test('checker: after a resync messages may come again', (t) => {
  const change: Change = (events) =>
    [...events, resync('slow'), ...events.filter((event) => isOf('received')(event) && event.client === 'b' &&
      event.channel === 'rig/0' && event.offset !== undefined)]
  t.strictSame(brokenIn(verdictOf(change, { hasSlowReaders: true })), [])
  t.end()
})

t.test('checker: a client that left may keep what Redis lost', (t) => {
  const fork = (events: readonly LogEvent[]) => events.map((event) =>
    entryOf(38)(event) ? { ...event as Own<'received'>, id: 'a/36' } : event)
  const [twoOrders] = [verdictOf(fork).reordered]
  t.equal(twoOrders.length, 1)
  const left = verdictOf((events) => with_({ at: 4_000, client: 'b', what: 'gone' })(fork(events)))
  t.strictSame(left.reordered, [])
  t.end()
})

t.test('checker: a client that left needs no more messages, and is expected nowhere', (t) => {
  const left = [
    ...clients.map((client): LogEvent =>
      ({ at: ended + 2_500, client, what: 'presence', channel: 'rig/0', users: ['a', 'c'], wrong: 0 })),
    ...clients.map((client): LogEvent =>
      ({ at: ended + 2_500, client, what: 'presence', channel: 'rig/1', users: ['a', 'c'], wrong: 0 })),
    { at: 4_000, client: 'b', what: 'gone' }
  ] as const
  const verdict = verdictOf((events) => with_(...left)(without(entryOf(38))(events)))
  t.strictSame(brokenIn(verdict), [])
  t.equal(verdict.presenceMs, 2_500, 'right 2.5 s after the end of the fault')
  t.end()
})

t.test('checker: recovery counts from the end of the fault, for sends and for deliveries', (t) => {
  const lateMs = (ms: number): Change => (events) => events.map((event) =>
    entryOf(18)(event) || isAck(18)(event) ? { ...event, at: ended + ms } : event)
  const { recovery } = verdictOf(lateMs(700))
  t.strictSame(recovery, { count: 2, p50: 700, p99: 700, max: 700 })
  const fault = { name: 'x', title: 'x', lastsMs: 1, presenceBoundMs: 100, begin: async () => async () => {} }
  t.strictSame(lateIn(fault, verdictOf(lateMs(700))), [])
  t.strictSame(lateIn(fault, verdictOf(lateMs(5_001))), ['recovery: p99 5001 ms', 'recovery: max 5001 ms'])
  const slow: Change = (events) => events.map((event) => isAck(18)(event) ? { ...event, at: 7_000 } : event)
  const late = lateIn({ ...fault, isRolling: true }, verdictOf(slow))
  t.strictSame(late.slice(2), ['ack: p99 5200 ms', 'ack: max 5200 ms'], 'acks, where one node after another is missing')
  t.strictSame(lateIn(fault, verdictOf(with_(presence(ended + 1_000, ['a']), presence(ended + 1_500, clients)))), [
    'presence: right after 1500 ms'
  ])
  t.end()
})
