import type { Adapter, PresenceClaim, PresenceSnapshot } from '../adapters/adapter.ts'
import type { PresenceChange } from '../protocol/control.ts'
import { frame } from '../protocol/frame.ts'

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

interface Numbered { readonly sequence: number, readonly change: PresenceChange }

/** An adapter with all that it told. */
interface Node {
  readonly adapter: Adapter
  readonly frames: Told<string>
  readonly changes: Told<Numbered>
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

  'the numbers of changes only grow, and tell which of them a snapshot holds': async (t, [a, b]) => {
    await subscribe('x', a)
    await b.adapter.enter('x', claim('c1', 'ada'))
    await b.adapter.enter('x', claim('c2', 'bob'))
    const { sequence } = await a.adapter.present('x')
    await b.adapter.exit('x', 'c1')
    await b.adapter.exit('x', 'c2')
    const numbers = (await presenceOf(a, b, 'x')).map((told) => told.sequence)
    t.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number)), 'they grow')
    t.strictSame(numbers.map((number) => number <= sequence), [true, true, false, false], 'the first two are in the snapshot')
  },

  'numbers go on growing after a channel was empty': async (t, [a, b]) => {
    await subscribe('x', a)
    await b.adapter.enter('x', claim('c1', 'ada'))
    await b.adapter.exit('x', 'c1')
    const { sequence } = await a.adapter.present('x')
    await b.adapter.enter('x', claim('c2', 'bob'))
    await a.changes.until('x', joined('bob'))
    t.ok((a.changes.of('x').at(-1) as Numbered).sequence > sequence, 'else a node would take news for old')
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
  for (const [name, rule] of Object.entries({ ...messages, ...presence, ...endings })) {
    t.test(name, async (t) => {
      const cluster = await makeCluster(3)
      t.teardown(() => end(cluster))
      await rule(t, cluster.adapters.map(startNode) as unknown as readonly [Node, Node, Node])
    })
  }
}

function startNode (adapter: Adapter): Node {
  const node: Node = { adapter, frames: new Told(), changes: new Told() }
  adapter.start({
    frame: (channel, sent) => node.frames.push(channel, JSON.parse(sent.toString()).payload),
    presence: (channel, sequence, change) => node.changes.push(channel, { sequence, change })
  })
  return node
}

async function end (cluster: Cluster): Promise<void> {
  for (const adapter of cluster.adapters) await adapter.close()
  await cluster.close?.()
}
