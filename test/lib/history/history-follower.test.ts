import t from 'tap'
import { turn, Watcher, World } from '../../support/history-world.ts'
import { LogModel } from '../../support/history-model.ts'

/** A world whose feed knows the log, and has given a watcher all of it. */
async function opened (entries: number): Promise<World<LogModel>> {
  const world = new World(new LogModel(), 1_000)
  for (let i = 0; i < entries; i++) await world.append()
  world.sent.length = 0
  await world.carryOut(0)
  world.answer(0)
  await turn()
  await world.join(undefined)
  return world
}

t.test('a reused offset is noticed with the first message that has it', async (t) => {
  const world = await opened(3)
  world.log.loseNewest(1)
  await world.append()
  world.arrive(0)
  t.equal(world.reads.length, 1, 'the log is read at once')
  await world.settle()
  t.strictSame(world.watchers.map(({ resyncs, position }) => [resyncs, position]), [[1, world.log.position]])
})

t.test('history follower: a client ahead of this node after a failover makes it read the history first', async (t) => {
  const world = await opened(3)
  world.log.loseNewest(1)
  await world.append()
  const joined = world.join(world.log.position)
  await turn()
  t.equal(world.reads.length, 1)
  await world.carryOut(0)
  world.answer(0)
  await joined
  t.strictSame([world.refusals, world.watchers.at(-1)?.position], [0, world.log.position])
})

t.test('a message that follows costs no read', async (t) => {
  const world = await opened(2)
  for (let i = 0; i < 5; i++) {
    await world.append(i === 2)
    world.arrive(0)
  }
  t.strictSame([world.reads.length, world.watchers[0]?.position], [0, world.log.position])
})

t.test('an entry of our own that does not come back is read after a moment', async (t) => {
  const world = await opened(1)
  await world.append()
  world.feed.expectEntry(world.log.position)
  world.clock.advance(59)
  t.equal(world.reads.length, 0)
  world.clock.advance(1)
  t.equal(world.reads.length, 1)
  await world.settle()
  await world.append()
  world.feed.expectEntry(world.log.position)
  world.arrive(0)
  world.feed.expectEntry(world.log.position)
  world.clock.advance(60)
  t.equal(world.reads.length, 0, 'one that came is not')
})

t.test('while the log cannot be read a bounded number of messages waits; the rest is read', async (t) => {
  const world = await opened(1)
  world.feed.refresh()
  for (let i = 0; i < 1_200; i++) await world.append()
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
  await world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.watchers[0]?.resyncs, 0, 'nor is what comes too late')
})

t.test('a log that holds nothing any more is read, unless nothing was in it', async (t) => {
  const world = await opened(2)
  world.feed.comparePosition(undefined)
  t.equal(world.reads.length, 1)
  const empty = await opened(0)
  empty.feed.comparePosition(undefined)
  t.equal(empty.reads.length, 0)
  await empty.join(empty.log.position)
  t.strictSame(empty.watchers.at(-1)?.seen, [])
})

t.test('who was away for longer than this node remembers is told so', async (t) => {
  const world = new World(new LogModel(), 5_000)
  for (let i = 0; i < 1_500; i++) await world.append()
  await world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.feed.recoveryAfter(world.positions[100], 50)?.reason, 'limit')
  t.equal(world.feed.recoveryAfter(world.positions[600], 50)?.reason, undefined)
  const small = new World(new LogModel(), 10)
  for (let i = 0; i < 20; i++) await small.append()
  await small.carryOut(0)
  small.answer(0)
  await turn()
  t.equal(small.feed.recoveryAfter(small.positions[2], 50)?.reason, 'trimmed')
})

t.test('history cache: all entries after a snapshot stay, but a recovery never exceeds the bound', async (t) => {
  const world = new World(new LogModel(), 5_000)
  await world.append(true)
  for (let i = 0; i < 1_500; i++) await world.append()
  await world.carryOut(0)
  world.answer(0)
  await turn()
  t.equal(world.feed.recoveryAfter(undefined, 50)?.messages.length, 1_500)
  t.equal(world.feed.recoveryAfter(world.positions[100], 50)?.reason, 'limit')
  t.equal(world.feed.recoveryAfter(world.positions[700], 50)?.messages.length, 800)
})

t.test('a feed that opens late makes its members begin anew as soon as the log can be read', async (t) => {
  const world = new World(new LogModel(), 1_000)
  await world.append()
  world.fail(0)
  await turn()
  const watcher = new Watcher()
  world.watchers.push(watcher)
  world.feed.startWithoutHistory()
  await world.carryOut(0)
  world.answer(0)
  await turn()
  t.strictSame([watcher.resyncs, watcher.position], [1, world.log.position])
  t.equal(world.feed.resyncContent(1_000)?.messages.length, 1)
})
