import type { Adapter, LogAppend, LogEntry, PresenceClaim, PresenceSnapshot } from '../adapters/adapter.ts'
import type { PresenceChange } from '../protocol/control.ts'
import { frame } from '../protocol/frame.ts'
import type { Position } from '../protocol/log.ts'

/** The part of tap's `t` that the suite needs. */
export interface ConformanceTest {
  test (name: string, fn: (t: ConformanceTest) => Promise<void>): unknown
  strictSame (actual: unknown, expected: unknown, message: string): unknown
  ok (value: unknown, message: string): unknown
  teardown (fn: () => Promise<void>): unknown
}

/** Nodes joined by the adapter under test, not started yet, and how to let go of what lies between them. */
export interface Cluster {
  readonly adapters: readonly Adapter[]
  /** Resolves once all of them, started, have found each other. */
  ready? (): Promise<void>
  close? (): Promise<void>
}

export type MakeCluster = (nodes: number) => Cluster | Promise<Cluster>

/** What one node was told, in order; waits for events, never for a time. */
class Told<T> {
  readonly #byChannel = new Map<string, T[]>()
  #waiting: Array<() => void> = []

  push (channel: string, item: T): void {
    this.#byChannel.set(channel, [...this.of(channel), item])
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  of (channel: string): T[] {
    return this.#byChannel.get(channel) ?? []
  }

  /** Resolves once something of the channel is as wanted, to all that came before it. */
  async until (channel: string, isWanted: (item: T) => boolean): Promise<T[]> {
    while (!this.of(channel).some(isWanted)) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    return this.of(channel).slice(0, this.of(channel).findIndex(isWanted))
  }
}

interface Numbered { readonly epoch: string, readonly sequence: number, readonly change: PresenceChange }

interface Appended { readonly epoch: string, readonly entry: LogEntry, readonly keyframe: string | undefined }

/** An adapter with all that it told. */
interface Node {
  readonly adapter: Adapter
  readonly frames: Told<string>
  readonly changes: Told<Numbered>
  readonly entries: Told<Appended>
  readonly revoked: Told<number>
  /** What it answers to other nodes. */
  answer: (question: unknown) => unknown
}

type Rule = (t: ConformanceTest, nodes: readonly [Node, Node, Node]) => Promise<void>

const bytes = (text: string) => frame({ type: 'said', payload: text })
const claim = (connection: string, user: string, data: unknown = {}): PresenceClaim => ({ connection, user, data })
const usersOf = ({ entries }: PresenceSnapshot) => entries.map(({ user }) => user).sort()
const joined = (user: string) => ({ change }: Numbered) => change.joined?.some((entry) => entry.user === user) ?? false
const left = (user: string) => ({ change }: Numbered) => change.left?.includes(user) ?? false
const changesOf = (told: readonly Numbered[]) => told.map(({ change }) => change)

/** What `to` was told on the channel until now: a last frame of ours closes the list. */
async function framesOf (to: Node, from: Node, channel: string): Promise<string[]> {
  await from.adapter.publish(channel, bytes('the end'))
  return to.frames.until(channel, (text) => text === 'the end')
}

/** The changes that `to` was told on the channel until now: a last user of ours closes the list. */
async function presenceOf (to: Node, from: Node, channel: string): Promise<Numbered[]> {
  await from.adapter.enter(channel, claim('the end', 'the end'))
  return to.changes.until(channel, joined('the end'))
}

async function subscribe (channel: string, ...nodes: Node[]): Promise<void> {
  for (const { adapter } of nodes) await adapter.subscribe(channel)
}

const messages: Record<string, Rule> = {
  'a frame reaches every other node that is subscribed, as the same bytes': async (t, [a, b, c]) => {
    await subscribe('x', a, b, c)
    await a.adapter.publish('x', bytes('grüße "1"'))
    for (const node of [b, c]) t.strictSame(await framesOf(node, a, 'x'), ['grüße "1"'], 'it came once')
  },

  'a frame never comes back to the node that published it': async (t, [a, b]) => {
    await subscribe('x', a, b)
    await a.adapter.publish('x', bytes('mine'))
    t.strictSame(await framesOf(a, b, 'x'), [], 'only the other node\'s came')
  },

  'a node that publishes need not be subscribed': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.publish('x', bytes('1'))
    t.strictSame(await framesOf(b, a, 'x'), ['1'], 'it came')
  },

  'the frames of one node on one channel arrive in the order published': async (t, [a, b]) => {
    await subscribe('x', b)
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`)
    await Promise.all(texts.map((text) => a.adapter.publish('x', bytes(text))))
    t.strictSame(await framesOf(b, a, 'x'), texts, 'one after another')
  },

  'channels are apart, whatever they are called': async (t, [a, b]) => {
    const channels = ['x', 'x/y', 'x/*', 'x?', 'x:y', '{x}', 'X', 'ü', '__proto__']
    for (const channel of channels) await subscribe(channel, b)
    for (const channel of channels) await a.adapter.publish(channel, bytes(channel))
    for (const channel of channels) t.strictSame(await framesOf(b, a, channel), [channel], `'${channel}' got its own`)
  },

  'nothing is heard before subscribing or after unsubscribing': async (t, [a, b]) => {
    await subscribe('witness', b)
    await a.adapter.publish('x', bytes('too early'))
    await framesOf(b, a, 'witness')
    await subscribe('x', b)
    t.strictSame(await framesOf(b, a, 'x'), [], 'what was published before did not come')
    await b.adapter.unsubscribe('x')
    await a.adapter.publish('x', bytes('too late'))
    await framesOf(b, a, 'witness')
    t.ok(!b.frames.of('x').includes('too late'), 'nor what was published after')
  },

  'the last of unsubscribe and subscribe counts, though nobody waited for the first': async (t, [a, b]) => {
    await subscribe('x', b)
    await Promise.all([b.adapter.unsubscribe('x'), b.adapter.subscribe('x')])
    await a.adapter.publish('x', bytes('1'))
    t.strictSame(await framesOf(b, a, 'x'), ['1'], 'the node is subscribed')
  },

  'unsubscribing from what was not subscribed to changes nothing': async (t, [a, b]) => {
    await subscribe('x', b)
    await b.adapter.unsubscribe('y')
    t.strictSame(await framesOf(b, a, 'x'), [], 'the others are as they were')
  }
}

const presence: Record<string, Rule> = {
  'a channel where nobody entered is empty': async (t, [a]) => {
    t.strictSame(usersOf(await a.adapter.present('x')), [], 'nobody')
  },

  'who entered on one node is present for every node, with the data given': async (t, [a, b]) => {
    const data = { name: 'Ada', list: [1, { deep: null }] }
    await a.adapter.enter('x', claim('c1', 'ada', data))
    for (const { adapter } of [a, b]) t.strictSame((await adapter.present('x')).entries, [{ user: 'ada', data }], 'there she is')
    t.strictSame(usersOf(await b.adapter.present('y')), [], 'and in no other channel')
  },

  'a change reaches every node that is subscribed, the one that made it included': async (t, [a, b, c]) => {
    await subscribe('x', a, b)
    await a.adapter.enter('x', claim('c1', 'ada', { n: 1 }))
    await a.adapter.exit('x', 'c1')
    for (const node of [a, b]) {
      t.strictSame(changesOf(await presenceOf(node, b, 'x')), [{ joined: [{ user: 'ada', data: { n: 1 } }] }, { left: ['ada'] }], 'in, and out')
      await b.adapter.exit('x', 'the end')
    }
    await subscribe('x', c)
    await b.adapter.enter('x', claim('c2', 'bob'))
    t.ok((await c.changes.until('x', joined('bob'))).every((told) => !joined('ada')(told)), 'who subscribes later is told what comes later')
  },

  'the same claim twice changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    for (let i = 0; i < 2; i++) await b.adapter.enter('x', claim('c1', 'ada'))
    t.strictSame((await presenceOf(a, b, 'x')).length, 1, 'one change')
    await b.adapter.exit('x', 'c1')
    t.strictSame(usersOf(await b.adapter.present('x')), ['the end'], 'and one exit takes it back')
  },

  'several connections of one user are one entry, gone with the last of them': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.enter('x', claim('c1', 'ada'))
    await b.adapter.enter('x', claim('c2', 'ada'))
    t.strictSame(usersOf(await a.adapter.present('x')), ['ada'], 'one entry')
    await a.adapter.exit('x', 'c1')
    t.strictSame(usersOf(await a.adapter.present('x')), ['ada'], 'the other connection is still there')
    await b.adapter.exit('x', 'c2')
    t.strictSame(usersOf(await a.adapter.present('x')), [], 'now nobody is')
    t.strictSame(changesOf(await presenceOf(a, b, 'x')), [{ joined: [{ user: 'ada', data: {} }] }, { left: ['ada'] }], 'others were told of the first and the last')
  },

  'a user who comes back within the grace never left': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.enter('x', claim('c1', 'ada'))
    await a.adapter.exit('x', 'c1', 60_000)
    t.strictSame(usersOf(await b.adapter.present('x')), ['ada'], 'still there')
    await b.adapter.enter('x', claim('c2', 'ada'))
    t.strictSame(changesOf(await presenceOf(b, a, 'x')), [{ joined: [{ user: 'ada', data: {} }] }], 'nobody was told otherwise')
  },

  'a user who does not come back has left when the grace is over': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.enter('x', claim('c1', 'ada'))
    await a.adapter.exit('x', 'c1', 20)
    const told = await b.changes.until('x', ({ change }) => change.left !== undefined)
    t.strictSame(changesOf(told), [{ joined: [{ user: 'ada', data: {} }] }], 'after the one that she joined')
    t.strictSame(usersOf(await a.adapter.present('x')), [], 'gone')
  },

  'an exit without grace does not cut a grace short that runs already': async (t, [a, b]) => {
    await subscribe('x', b)
    for (const connection of ['c1', 'c2']) await a.adapter.enter('x', claim(connection, 'ada'))
    await a.adapter.exit('x', 'c1', 60_000)
    await a.adapter.exit('x', 'c2')
    t.strictSame(usersOf(await b.adapter.present('x')), ['ada'], 'still there')
  },

  'new data of a user who is there is an update, the same data is none': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.enter('x', claim('c1', 'ada', { name: 'Ada' }))
    await b.adapter.enter('x', claim('c2', 'ada', { name: 'Ada' }))
    await b.adapter.enter('x', claim('c3', 'ada', { name: 'Countess' }))
    const entry = { user: 'ada', data: { name: 'Countess' } }
    t.strictSame(changesOf(await presenceOf(a, b, 'x')).slice(1), [{ updated: [entry] }], 'one update')
    t.strictSame((await a.adapter.present('x')).entries.filter(({ user }) => user === 'ada'), [entry], 'and the newest data counts')
  },

  'taking back a claim that is not there changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.enter('x', claim('c1', 'ada'))
    await b.adapter.exit('x', 'c2')
    await b.adapter.exit('y', 'c1')
    t.strictSame((await presenceOf(a, b, 'x')).length, 1, 'nobody left')
    t.strictSame(usersOf(await b.adapter.present('x')), ['ada', 'the end'], 'she is still there')
  },

  'the numbers of changes grow by one, and tell which of them a snapshot holds': async (t, [a, b]) => {
    await subscribe('x', a)
    for (const user of ['ada', 'bob', 'cleo']) await b.adapter.enter('x', claim(user, user))
    const { epoch, sequence } = await a.adapter.present('x')
    for (const user of ['ada', 'bob']) await b.adapter.exit('x', user)
    const told = await presenceOf(a, b, 'x')
    t.strictSame(told.map((one) => one.sequence - (told[0] as Numbered).sequence), [0, 1, 2, 3, 4], 'one after another')
    t.strictSame(told.map((one) => one.epoch === epoch && one.sequence <= sequence), [true, true, true, false, false], 'the first three are in the snapshot')
  },

  'after a channel was empty its numbers begin anew, in another epoch': async (t, [a, b]) => {
    await subscribe('x', a)
    await b.adapter.enter('x', claim('c1', 'ada'))
    await b.adapter.exit('x', 'c1')
    await b.adapter.enter('x', claim('c2', 'bob'))
    const [first] = await a.changes.until('x', joined('bob')) as [Numbered]
    const last = a.changes.of('x').at(-1) as Numbered
    t.ok(last.epoch !== first.epoch && last.sequence === 1, 'else a node would take news for old')
  },

  'a crowd is listed and counted, each user once': async (t, [a, b]) => {
    const users = Array.from({ length: 1_200 }, (_, i) => `user ${i}`)
    await Promise.all(users.flatMap((user, i) => [a, b].map(({ adapter }, n) => adapter.enter('x', claim(`${n}-${i}`, user, { i })))))
    t.strictSame(usersOf(await b.adapter.present('x')), [...users].sort(), 'all of them')
    t.strictSame([await a.adapter.count('x'), await a.adapter.count('y')], [users.length, 0], 'and counted')
  }
}

const position = ({ epoch }: Position, { offset, link }: { offset: number, link: string }): Position => ({ epoch, offset, link })
const textsOf = (read: { readonly entries: readonly LogEntry[] }) => read.entries.map(({ frame }) => JSON.parse(frame.toString()).payload as string)

async function appended (node: Node, text: string, more: Partial<LogAppend> = {}): Promise<Position> {
  const outcome = await node.adapter.append('x', { id: text, frame: bytes(text), whenSlow: undefined, limit: 10, ttl: 60_000, ...more })
  return (outcome as { readonly position: Position }).position
}

const logs: Record<string, Rule> = {
  'an entry is numbered, linked to the one before it, and told to every subscribed node, its own included': async (t, [a, b]) => {
    await subscribe('x', a, b)
    const first = await appended(a, '1')
    const second = await appended(b, '2', { whenSlow: 'skip' })
    for (const node of [a, b]) {
      await node.entries.until('x', ({ entry }) => entry.id === '2')
      const told = node.entries.of('x')
      t.strictSame(told.map(({ epoch, entry: { offset, id, link, prev, whenSlow } }) => ({ epoch, offset, id, link, prev, whenSlow })), [
        { epoch: first.epoch, offset: 1, id: '1', link: first.link, prev: '', whenSlow: undefined },
        { epoch: first.epoch, offset: 2, id: '2', link: second.link, prev: first.link, whenSlow: 'skip' }
      ], 'both, in order')
      t.strictSame(textsOf({ entries: told.map(({ entry }) => entry) }), ['1', '2'], 'as the same bytes')
    }
  },

  'a log begins with the first question, at a position that can be expected': async (t, [a, b]) => {
    t.strictSame(await b.adapter.positions(['x', 'y']), [undefined, undefined], 'there is none')
    const { position: start, reason, entries } = await a.adapter.read('x')
    t.strictSame([start.offset, start.link, reason, entries], [0, '', 'fresh', []], 'an empty one')
    const first = await appended(b, '1', { expect: start })
    t.strictSame(await a.adapter.positions(['x', 'y']), [first, undefined], 'it has moved on')
    t.strictSame(textsOf(await a.adapter.read('x', start)), ['1'], 'and that is what came')
  },

  'the same id is appended once, whatever comes with it': async (t, [a, b]) => {
    const first = await appended(a, '1')
    await appended(a, '2')
    const again = await b.adapter.append('x', { id: '1', frame: bytes('other'), whenSlow: undefined, limit: 10, ttl: 60_000, expect: position(first, { offset: 9, link: 'x' }) })
    t.strictSame(again, { outcome: 'duplicate', position: first }, 'its own position')
    t.strictSame(textsOf(await a.adapter.read('x')), ['1', '2'], 'nothing was added')
  },

  'an append that expects another position is told what it missed, and appends nothing': async (t, [a, b]) => {
    const first = await appended(a, '1')
    const second = await appended(a, '2')
    const behind = await b.adapter.append('x', { id: '3', frame: bytes('3'), whenSlow: undefined, limit: 10, ttl: 60_000, expect: first })
    t.strictSame(behind.outcome === 'behind' && [textsOf(behind.missed), behind.missed.position], [['2'], second], 'what came since')
    const fork = await b.adapter.append('x', { id: '3', frame: bytes('3'), whenSlow: undefined, limit: 10, ttl: 60_000, expect: { ...second, link: 'x' } })
    t.strictSame(fork.outcome === 'behind' && fork.missed.reason, 'fork', 'another history')
    t.strictSame((await appended(b, '3', { expect: second })).offset, 3, 'at the right one it is')
  },

  'a read tells what came after a position, or why it cannot': async (t, [a, b]) => {
    const positions = []
    for (let i = 1; i <= 15; i++) positions.push(await appended(a, `${i}`))
    const [second, tenth, last] = [positions[1], positions[9], positions[14]] as [Position, Position, Position]
    const reasonOf = async (since?: Position) => (await b.adapter.read('x', since)).reason
    t.strictSame(textsOf(await b.adapter.read('x', tenth)), ['11', '12', '13', '14', '15'], 'all of it')
    t.strictSame((await b.adapter.read('x', last)).entries, [], 'nothing is something')
    t.strictSame([
      await reasonOf(), await reasonOf({ ...tenth, epoch: 'other' }), await reasonOf({ ...last, offset: 16 }), await reasonOf({ ...tenth, link: 'x' }),
      await reasonOf({ ...last, link: 'x' }), await reasonOf(second)
    ], ['fresh', 'epoch', 'future', 'fork', 'fork', 'trimmed'], 'each by its name')
    t.strictSame(textsOf(await b.adapter.read('x', second)), Array.from({ length: 10 }, (_, i) => `${i + 6}`), 'with the newest that are kept')
  },

  'more than the bound is not told': async (t, [a, b]) => {
    const first = await appended(a, 'first', { limit: 2_000 })
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => appended(a, `${i}`, { limit: 2_000 })))
    const read = await b.adapter.read('x', first)
    t.strictSame([read.reason, read.entries.length], ['limit', 1_000], 'too many')
    const large = 'x'.repeat(400_000)
    for (const text of ['a', 'b', 'c']) await appended(a, text + large, { limit: 2_000 })
    t.strictSame((await b.adapter.read('x')).entries.length, 2, 'too large')
  },

  'a keyframe is what a new reader begins with; nothing after it is trimmed': async (t, [a, b]) => {
    const { position: start } = await a.adapter.read('x')
    const first = await appended(a, '1', { expect: start, keyframe: '{"n":1}' })
    for (let i = 2; i <= 14; i++) await appended(a, `${i}`)
    const read = await b.adapter.read('x')
    t.strictSame(read.keyframe, { offset: 1, link: first.link, state: '{"n":1}' }, 'with its position')
    t.strictSame(textsOf(read).at(0), '2', 'and all that came after it, though only ten are to be kept')
    t.strictSame(read.entries.length, 13, 'without a hole')
    const last = await appended(b, '15', { expect: read.position, keyframe: '{"n":15}' })
    const next = await b.adapter.read('x')
    t.strictSame([next.keyframe?.offset, next.entries.length], [15, 10], 'a newer one lets go of what is too old')
    t.strictSame(last.offset, 15, 'one after another')
  },

  'all that came after a keyframe is told, though that is more than the bound': async (t, [a, b]) => {
    const { position: start } = await a.adapter.read('x')
    await appended(a, 'k', { expect: start, keyframe: '0', limit: 500 })
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => appended(a, `${i}`, { limit: 500 })))
    const { reason, entries } = await b.adapter.read('x')
    t.strictSame([reason, entries.at(0)?.offset, entries.at(-1)?.offset], ['fresh', 2, 1_002], 'a state is a keyframe and all of it')
  },

  'a log that a keyframe holds back is full at four times its limit, and a keyframe makes room': async (t, [a]) => {
    const { position: start } = await a.adapter.read('x')
    let last = await appended(a, 'k', { expect: start, keyframe: '0', limit: 2 })
    for (let i = 0; i < 8; i++) last = await appended(a, `${i}`, { limit: 2 })
    const full = await a.adapter.append('x', { id: 'more', frame: bytes('more'), whenSlow: undefined, limit: 2, ttl: 60_000 })
    t.ok(full.outcome === 'full' && full.retryAfter > 0, 'no more')
    t.strictSame((await appended(a, 'k2', { expect: last, keyframe: '1', limit: 2 })).offset, 10, 'but for a keyframe')
    t.strictSame((await appended(a, 'more', { limit: 2 })).offset, 11, 'after which there is room')
  },

  'a keyframe is told with its entry': async (t, [a, b]) => {
    await subscribe('x', b)
    const { position: start } = await a.adapter.read('x')
    await appended(a, 'ü', { expect: start, keyframe: '{"text":"grüße"}' })
    await b.entries.until('x', ({ entry }) => entry.id === 'ü')
    t.strictSame(b.entries.of('x').map(({ keyframe }) => keyframe), ['{"text":"grüße"}'], 'as it was given')
  }
}

const one = { id: 'm1', hash: 'h1', owner: 'a' }
const other = { ...one, owner: 'b' }

const claims: Record<string, Rule> = {
  'a message is claimed by one, and again by the same one': async (t, [a, b]) => {
    t.strictSame([await a.adapter.claim('x', one), await b.adapter.claim('x', other), await a.adapter.claim('x', one)],
      [{ outcome: 'claimed' }, { outcome: 'running' }, { outcome: 'claimed' }], 'others wait')
    t.strictSame(await b.adapter.claim('x', { ...other, hash: 'h2' }), { outcome: 'conflict' }, 'another content is another message')
  },

  'the first reply counts, for everyone': async (t, [a, b]) => {
    await a.adapter.claim('x', one)
    t.strictSame(await a.adapter.finish('x', one, '"first"', []), { outcome: 'done', reply: '"first"' }, 'done')
    t.strictSame(await b.adapter.finish('x', other, '"second"', []), { outcome: 'done', reply: '"first"' }, 'whoever comes later gets it')
    t.strictSame(await b.adapter.claim('x', other), { outcome: 'done', reply: '"first"' }, 'and who asks')
    t.strictSame(await b.adapter.claim('x', { ...other, hash: 'h2' }), { outcome: 'conflict' }, 'but not for another content')
  },

  'what was given up may be claimed at once, by others only by whoever holds it': async (t, [a, b]) => {
    await a.adapter.claim('x', one)
    await b.adapter.release('x', other)
    t.strictSame(await b.adapter.claim('x', other), { outcome: 'running' }, 'it was not theirs to give up')
    await a.adapter.release('x', one)
    t.strictSame(await b.adapter.claim('x', other), { outcome: 'claimed' }, 'now it is')
  },

  'an attempt whose entries are in the log is done; one whose entries are lost is not': async (t, [a, b]) => {
    await a.adapter.claim('x', one)
    const { link } = await appended(a, 'm1')
    t.strictSame(await a.adapter.finish('x', one, '1', [{ id: 'm1', link: 'another' }]), { outcome: 'lost' }, 'it is not what was appended')
    await b.adapter.claim('x', other)
    t.strictSame(await b.adapter.finish('x', other, '2', [{ id: 'm1', link }]), { outcome: 'done', reply: '2' }, 'it is')
  }
}

const nodes: Record<string, Rule> = {
  'a user has so many places, over all nodes': async (t, [a, b, c]) => {
    const reserve = async ({ adapter }: Node, connection: string) => (await adapter.reserve('ada', connection, 2)).granted
    t.strictSame([await reserve(a, '1'), await reserve(b, '2'), await reserve(c, '3')], [true, true, false], 'and no more')
    t.strictSame(await reserve(a, '1'), true, 'who has one keeps it')
    const refused = await c.adapter.reserve('ada', '3', 2)
    t.ok(!refused.granted && refused.retryAfter >= 1_000 && refused.retryAfter <= 15_000, 'it may be tried again')
    t.strictSame((await c.adapter.reserve('bob', '3', 2)).granted, true, 'others have their own')
    await b.adapter.free('ada', '2')
    t.strictSame(await reserve(c, '4'), true, 'given back, it is free')
  },

  'a revocation reaches every other node': async (t, [a, b, c]) => {
    const until = Date.now() + 60_000
    await a.adapter.revoke('user ada', until)
    for (const node of [b, c]) {
      await node.revoked.until('user ada', () => true)
      t.strictSame(node.revoked.of('user ada'), [until], 'once')
    }
    t.strictSame(a.revoked.of('user ada'), [], 'but the one that knows')
  },

  'every other node is asked, and who does not answer is missing': async (t, [a, b, c]) => {
    b.answer = (question) => ({ question, from: 'b' })
    const everyone = await a.adapter.ask({ what: 1 }, 2_000)
    t.strictSame(everyone.missing, [], 'nobody')
    const answers = new Map(everyone.results.map(({ node, answer }) => [node, answer]))
    t.strictSame([answers.get(b.adapter.node), answers.get(c.adapter.node)], [{ question: { what: 1 }, from: 'b' }, { what: 1 }], 'both answered')
    c.answer = async () => { throw new Error('on purpose') }
    const some = await a.adapter.ask('again', 300)
    t.strictSame([some.results.map(({ node }) => node), some.missing], [[b.adapter.node], [c.adapter.node]], 'one did not')
  },

  'a question is carried out once, though the answer is late': async (t, [a, b, c]) => {
    let asked = 0
    b.answer = async () => {
      asked++
      await new Promise((resolve) => { setTimeout(resolve, 150) })
    }
    t.strictSame((await a.adapter.ask('slow', 300)).missing, [], 'it came in time')
    t.strictSame(asked, 1, 'asked twice, perhaps, but done once')
    t.ok(c.adapter.status.state === 'up', 'the other one is there as well')
  }
}

const endings: Record<string, Rule> = {
  'a node that closes takes its claims along, and others are told': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.enter('x', claim('c1', 'ada'))
    await a.adapter.enter('x', claim('c2', 'bob'))
    await b.adapter.enter('x', claim('c3', 'bob'))
    await a.adapter.close()
    await b.changes.until('x', left('ada'))
    t.strictSame(usersOf(await b.adapter.present('x')), ['bob'], 'who is there through another node stays')
  },

  'a node that closed is told nothing any more': async (t, [a, b, c]) => {
    await subscribe('x', a, c)
    await a.adapter.close()
    await b.adapter.publish('x', bytes('1'))
    t.strictSame(await framesOf(c, b, 'x'), ['1'], 'others are')
    await presenceOf(c, b, 'x')
    t.strictSame([a.frames.of('x'), a.changes.of('x')], [[], []], 'it is not')
  },

  'closing twice is closing once': async (t, [a, b]) => {
    await a.adapter.enter('x', claim('c1', 'ada'))
    await a.adapter.close()
    await b.adapter.enter('x', claim('c1', 'ada'))
    await a.adapter.close()
    t.strictSame(usersOf(await b.adapter.present('x')), ['ada'], 'the second time it holds nothing')
  }
}

/**
 * What every adapter promises, as tests. `makeCluster(n)` joins n nodes that share nothing with those of other tests:
 *
 *   adapterConformance(t, (nodes) => ({ adapters: Array.from({ length: nodes }, () => new MyAdapter(…)) }))
 */
export function adapterConformance (t: ConformanceTest, makeCluster: MakeCluster): void {
  for (const [name, rule] of Object.entries({ ...messages, ...presence, ...logs, ...claims, ...nodes, ...endings })) {
    t.test(name, async (t) => {
      const cluster = await makeCluster(3)
      t.teardown(() => end(cluster))
      const started = cluster.adapters.map(startNode)
      await cluster.ready?.()
      await rule(t, started as unknown as readonly [Node, Node, Node])
    })
  }
}

function startNode (adapter: Adapter): Node {
  const node: Node = { adapter, frames: new Told(), changes: new Told(), entries: new Told(), revoked: new Told(), answer: (question) => question }
  adapter.start({
    frame: (channel, sent) => node.frames.push(channel, JSON.parse(sent.toString()).payload),
    presence: (channel, { epoch, sequence }, change) => node.changes.push(channel, { epoch, sequence, change }),
    entry: (channel, epoch, entry, keyframe) => node.entries.push(channel, { epoch, entry, keyframe }),
    gap: () => {},
    revoked: (key, until) => node.revoked.push(key, until),
    asked: (question) => node.answer(question)
  })
  return node
}

async function end (cluster: Cluster): Promise<void> {
  for (const adapter of cluster.adapters) await adapter.close()
  await cluster.close?.()
}
