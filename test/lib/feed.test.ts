import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { LogEntry, LogRead } from '../../lib/adapters/adapter.ts'
import type { Place } from '../../lib/protocol/frame.ts'
import type { Position } from '../../lib/protocol/log.ts'
import { Feed } from '../../lib/rooms/feed.ts'
import type { LoggedFrame, Replay } from '../../lib/rooms/tail.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { LogModel } from '../log-model.ts'

const turn = () => new Promise(setImmediate)

/** A read on its way: asked, carried out, answered, each at its own time. */
interface Read { readonly since: Position | undefined, read?: LogRead, resolve (read: LogRead): void, reject (error: Error): void }

type Sent = readonly [epoch: string, entry: LogEntry, keyframe: string | undefined]

/** What a member has seen: all that came since it began, the last time it had to. */
class Watcher {
  position!: Position
  seen: Place[] = []
  resyncs = 0

  begin ({ position, keyframe, frames }: Replay): void {
    const places = frames.map((frame) => JSON.parse(frame.toString()) as Place)
    this.position = position
    this.seen = []
    const [first] = places
    if (keyframe && first) assert.equal(first.prev, keyframe.link, 'what follows a keyframe follows it')
    for (const place of places) this.#add(place)
    assert.equal(this.seen.at(-1)?.link ?? keyframe?.link ?? position.link, position.link, 'up to the position told')
  }

  goOn ({ position, frames }: Replay, since: Position): void {
    this.seen = []
    let link = since.link
    for (const frame of frames) {
      const place = JSON.parse(frame.toString()) as Place
      assert.equal(place.prev, link, 'a replay goes on from where the client was')
      link = place.link
      this.#add(place)
    }
    assert.equal(link, position.link, 'and up to now')
    this.position = position
  }

  take (logged: LoggedFrame): void {
    assert.equal(logged.prev, this.position.link, 'every message follows the one before it')
    const place = JSON.parse(logged.frame.toString()) as Place
    this.#add(place)
    this.position = { ...this.position, offset: place.offset, link: place.link }
  }

  #add (place: Place): void {
    const last = this.seen.at(-1)
    if (last) assert.deepEqual([place.offset, place.prev], [last.offset + 1, last.link], 'none is missing, none comes twice')
    this.seen.push(place)
  }
}

/** One node's feed over a log that lives elsewhere, with everything in between in the hands of the test. */
class World {
  readonly log = new LogModel()
  readonly clock = new FakeClock()
  readonly sent: Sent[] = []
  readonly reads: Read[] = []
  readonly watchers: Watcher[] = []
  readonly positions: Position[] = []
  readonly limit: number
  /** How often somebody who said where they were had to begin anew. */
  refusals = 0
  #ids = 0
  readonly feed = new Feed({
    read: (since) => new Promise((resolve, reject) => { this.reads.push({ since, resolve, reject }) }),
    deliver: (logged) => { for (const watcher of this.watchers) watcher.take(logged) },
    resync: () => {
      for (const watcher of this.watchers) {
        watcher.resyncs++
        watcher.begin(this.feed.anew(1_000) as Replay)
      }
    }
  }, this.clock)

  constructor (limit: number) {
    this.limit = limit
    this.feed.refresh()
  }

  append (keyframe: boolean): void {
    const id = `${++this.#ids}`
    const state = keyframe ? id : undefined
    const { outcome } = this.log.append({
      id, frame: Buffer.from('{"type":"x"}'), whenSlow: undefined, limit: this.limit, ...(state && { expect: this.log.position, keyframe: state })
    })
    if (outcome !== 'appended') return
    this.positions.push(this.log.position)
    this.sent.push([this.log.epoch, this.log.entries.at(-1) as LogEntry, state])
  }

  /** A frame arrives, whichever is next. */
  arrive (n: number, keep = false): void {
    const [sent] = keep ? [this.sent[n % this.sent.length]] : this.sent.splice(n % this.sent.length, 1)
    if (sent) this.feed.receive(...sent)
  }

  carryOut (n: number): void {
    const open = this.reads.filter(({ read }) => read === undefined)
    const asked = open[n % open.length]
    if (asked) asked.read = this.log.read(asked.since)
  }

  answer (n: number): void {
    const done = this.reads.filter(({ read }) => read !== undefined)
    const asked = done[n % done.length]
    if (!asked) return
    this.reads.splice(this.reads.indexOf(asked), 1)
    asked.resolve(asked.read as LogRead)
  }

  fail (n: number): void {
    const [asked] = this.reads.splice(n % this.reads.length, 1)
    asked?.reject(new Error('away'))
  }

  /** Somebody joins, perhaps from where the log once was. */
  async join (since: Position | undefined): Promise<void> {
    if (!this.feed.position) return
    const isSettled = since && await this.feed.settle(since).then(() => true, () => false)
    const watcher = new Watcher()
    const replay = this.feed.replay(since, 1_000) as Replay
    if (isSettled && replay.reason) this.refusals++
    if (since && !replay.reason) watcher.goOn(replay, since)
    else watcher.begin(replay)
    this.watchers.push(watcher)
  }

  /** All that is lost stays lost; whatever nobody told of is found by the position check. */
  async settle (): Promise<void> {
    this.sent.length = 0
    for (let i = 0; i < 100; i++) {
      while (this.reads.length > 0) {
        this.carryOut(0)
        this.answer(0)
        await turn()
      }
      if (this.feed.position?.link === this.log.position.link && this.feed.position.epoch === this.log.epoch) return
      this.clock.advance(500)
      this.feed.compare(this.log.position)
    }
    throw new Error('it never caught up')
  }
}

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), keyframe: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('arrive' as const), n: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('arrive twice' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose a frame' as const), n: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('carry out' as const), n: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gap' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), at: fc.option(fc.nat(9)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail over' as const), n: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose all' as const) }) }
)

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const harmless = (actions: readonly Action[]) => !actions.some((action) => action.do === 'fail over' || action.do === 'lose all')

async function act (world: World, action: Action, joining: Array<Promise<void>>): Promise<void> {
  switch (action.do) {
    case 'append': world.append(action.keyframe); break
    case 'arrive': world.arrive(action.n); break
    case 'arrive twice': world.arrive(action.n, true); break
    case 'lose a frame': world.sent.splice(action.n % Math.max(1, world.sent.length), 1); break
    case 'carry out': world.carryOut(action.n); break
    case 'answer': world.answer(action.n); break
    case 'fail': world.fail(action.n); break
    case 'gap': world.feed.refresh(); break
    case 'wait': world.clock.advance(500); break
    case 'join': joining.push(world.join(action.at === null ? undefined : world.positions[action.at % Math.max(1, world.positions.length)])); break
    case 'fail over': world.log.loseNewest(action.n); break
    case 'lose all': world.log.loseAll()
  }
  await turn()
}

t.test('10,000 times a node follows a log through loss, disorder, failed reads, failovers and a lost log', async (t) => {
  let recovered = 0
  let resyncs = 0
  await fc.assert(fc.asyncProperty(fc.constantFrom(2, 1_000), fc.array(action, { minLength: 8, maxLength: 60 }), async (limit, actions) => {
    const world = new World(limit)
    const joining: Array<Promise<void>> = []
    for (const action of actions) await act(world, action, joining)
    await world.settle()
    await Promise.all(joining)
    await world.join(undefined)
    const ids = world.log.entries.map(({ id }) => id)
    for (const { seen, position } of world.watchers) {
      assert.deepEqual(position, world.log.position, 'everybody has come to the end of the log')
      assert.deepEqual(seen.map(({ id }) => id), ids.slice(ids.length - seen.length), 'and has seen what is in it, to the last message')
    }
    const told = world.watchers.reduce((sum, watcher) => sum + watcher.resyncs, 0)
    if (limit > 2 && harmless(actions)) assert.deepEqual([told, world.refusals], [0, 0], 'where nothing was lost for ever nobody begins anew')
    recovered += world.watchers.length
    resyncs += told
  }), { numRuns: 10_000 })
  t.ok(recovered > 10_000 && resyncs > 1_000, `${recovered} members, ${resyncs} times begun anew`)
})

/** A world whose feed knows the log, and has given a watcher all of it. */
async function opened (entries: number): Promise<World> {
  const world = new World(1_000)
  for (let i = 0; i < entries; i++) world.append(false)
  world.sent.length = 0
  world.carryOut(0)
  world.answer(0)
  await turn()
  await world.join(undefined)
  return world
}

t.test('a reused offset is noticed with the first message that has it', async (t) => {
  const world = await opened(3)
  world.log.loseNewest(1)
  world.append(false)
  world.arrive(0)
  t.equal(world.reads.length, 1, 'the log is read at once')
  await world.settle()
  t.strictSame(world.watchers.map(({ resyncs, position }) => [resyncs, position]), [[1, world.log.position]])
})

t.test('a message that follows costs no read', async (t) => {
  const world = await opened(2)
  for (let i = 0; i < 5; i++) {
    world.append(i === 2)
    world.arrive(0)
  }
  t.strictSame([world.reads.length, world.watchers[0]?.position], [0, world.log.position])
})

t.test('an entry of our own that does not come back is read after a moment', async (t) => {
  const world = await opened(1)
  world.append(false)
  world.feed.appended(world.log.position)
  world.clock.advance(59)
  t.equal(world.reads.length, 0)
  world.clock.advance(1)
  t.equal(world.reads.length, 1)
  await world.settle()
  world.append(false)
  world.feed.appended(world.log.position)
  world.arrive(0)
  world.feed.appended(world.log.position)
  world.clock.advance(60)
  t.equal(world.reads.length, 0, 'one that came is not')
})

t.test('while the log cannot be read a bounded number of messages waits; the rest is read', async (t) => {
  const world = await opened(1)
  world.feed.refresh()
  for (let i = 0; i < 1_200; i++) world.append(false)
  for (let i = 0; i < 1_200; i++) world.arrive(0)
  t.equal(world.reads.length, 1)
  world.reads[0]?.resolve(world.log.read(world.positions[0]))
  await turn()
  await world.settle()
  t.strictSame(world.watchers[0]?.position, world.log.position)
})

t.test('a read that fails is tried again until it works, or nobody needs it any more', async (t) => {
  const world = await opened(1)
  world.feed.refresh()
  for (let i = 0; i < 3; i++) {
    world.fail(0)
    await turn()
    t.equal(world.reads.length, 0)
    world.clock.advance(500)
    t.equal(world.reads.length, 1)
  }
  world.feed.close()
  world.fail(0)
  await turn()
  t.equal(world.clock.pending, 0)
  world.feed.refresh()
  world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.watchers[0]?.resyncs, 0, 'nor is what comes too late')
})

t.test('a log that holds nothing any more is read, unless nothing was in it', async (t) => {
  const world = await opened(2)
  world.feed.compare(undefined)
  t.equal(world.reads.length, 1)
  const empty = await opened(0)
  empty.feed.compare(undefined)
  t.equal(empty.reads.length, 0)
  await empty.join(empty.log.position)
  t.strictSame(empty.watchers.at(-1)?.seen, [])
})

t.test('who was away for longer than this node remembers is told so', async (t) => {
  const world = new World(5_000)
  for (let i = 0; i < 1_500; i++) world.append(false)
  world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.feed.replay(world.positions[100], 50)?.reason, 'limit')
  t.equal(world.feed.replay(world.positions[600], 50)?.reason, undefined)
  const small = new World(10)
  for (let i = 0; i < 20; i++) small.append(false)
  small.carryOut(0)
  small.answer(0)
  await turn()
  t.equal(small.feed.replay(small.positions[2], 50)?.reason, 'trimmed')
})

t.test('what came after a keyframe is kept, however much; but nobody is sent more than the bound in place of it', async (t) => {
  const world = new World(5_000)
  world.append(true)
  for (let i = 0; i < 1_500; i++) world.append(false)
  world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.feed.replay(undefined, 50)?.frames.length, 1_500)
  t.equal(world.feed.replay(world.positions[100], 50)?.reason, 'limit')
  t.equal(world.feed.replay(world.positions[700], 50)?.frames.length, 800)
})

t.test('a feed that opens late makes its members begin anew as soon as the log can be read', async (t) => {
  const world = new World(1_000)
  world.append(false)
  world.fail(0)
  await turn()
  const watcher = new Watcher()
  world.watchers.push(watcher)
  world.feed.openLate()
  world.carryOut(0)
  world.answer(0)
  await turn()
  t.strictSame([watcher.resyncs, watcher.position], [1, world.log.position])
  t.equal(world.feed.anew(1_000)?.frames.length, 1)
})
