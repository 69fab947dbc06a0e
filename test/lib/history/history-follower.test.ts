import t from 'tap'
import { FollowerSimulation, nextTick, SimulatedMember } from '../../support/follower-simulation.ts'
import { HistoryModel } from '../../support/history-model.ts'

/** A simulation whose follower has read the history, with one member that has received all entries. */
async function openHistory (entries: number): Promise<FollowerSimulation<HistoryModel>> {
  const simulation = new FollowerSimulation(new HistoryModel(), 1_000)
  for (let i = 0; i < entries; i++) await simulation.append()
  simulation.sent.length = 0
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  await simulation.join(undefined)
  return simulation
}

t.test('history follower: an entry with a reused offset makes it read the history at once', async (t) => {
  const simulation = await openHistory(3)
  simulation.history.loseNewest(1)
  await simulation.append()
  simulation.deliver(0)
  t.equal(simulation.reads.length, 1, 'the history is read at once')
  await simulation.settle()
  t.strictSame(
    simulation.members.map(({ resyncs, position }) => [resyncs, position]), [[1, simulation.history.position]]
  )
})

t.test('history follower: a client ahead of this node after a failover makes it read the history first', async (t) => {
  const simulation = await openHistory(3)
  simulation.history.loseNewest(1)
  await simulation.append()
  const joined = simulation.join(simulation.history.position)
  await nextTick()
  t.equal(simulation.reads.length, 1)
  await simulation.runRead(0)
  simulation.answerRead(0)
  await joined
  t.strictSame([simulation.refusals, simulation.members.at(-1)?.position], [0, simulation.history.position])
})

t.test('history follower: entries that arrive in order cause no read', async (t) => {
  const simulation = await openHistory(2)
  for (let i = 0; i < 5; i++) {
    await simulation.append(i === 2)
    simulation.deliver(0)
  }
  t.strictSame([simulation.reads.length, simulation.members[0]?.position], [0, simulation.history.position])
})

t.test('history follower: entries that arrive together are delivered together, without the known ones', async (t) => {
  const simulation = await openHistory(1)
  for (let i = 0; i < 6; i++) await simulation.append()
  simulation.deliver(0, true, 3)
  simulation.deliver(0, false, 5)
  t.strictSame([simulation.delivered, simulation.reads.length], [[[2, 3, 4], [5, 6]], 0])
})

t.test('history follower: a lost batch is read as soon as an entry after it arrives', async (t) => {
  const simulation = await openHistory(1)
  for (let i = 0; i < 5; i++) await simulation.append()
  simulation.sent.splice(0, 3)
  simulation.deliver(0, false, 2)
  t.equal(simulation.reads.length, 1)
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.strictSame([simulation.delivered, simulation.reads.length], [[[2, 3, 4, 5, 6]], 0])
})

t.test('history follower: an entry appended by this node is read if it does not arrive within 60 ms', async (t) => {
  const simulation = await openHistory(1)
  await simulation.append()
  simulation.follower.expectEntry(simulation.history.position)
  simulation.clock.advance(59)
  t.equal(simulation.reads.length, 0)
  simulation.clock.advance(1)
  t.equal(simulation.reads.length, 1)
  await simulation.settle()
  await simulation.append()
  simulation.follower.expectEntry(simulation.history.position)
  simulation.deliver(0)
  simulation.follower.expectEntry(simulation.history.position)
  simulation.clock.advance(60)
  t.equal(simulation.reads.length, 0, 'an entry that arrived causes no read')
})

t.test('history follower: during a read a bounded number of entries waits, and the rest is read', async (t) => {
  const simulation = await openHistory(1)
  simulation.follower.refresh()
  for (let i = 0; i < 1_200; i++) await simulation.append()
  for (let i = 0; i < 1_200; i++) simulation.deliver(0)
  t.equal(simulation.reads.length, 1)
  simulation.reads[0]?.resolve(simulation.history.read(simulation.positions[0]))
  await nextTick()
  await simulation.settle()
  t.strictSame(simulation.members[0]?.position, simulation.history.position)
})

t.test('history follower: an entry that waited for a read and is lost from the history is forgotten', async (t) => {
  const simulation = await openHistory(3)
  for (let i = 0; i < 2; i++) await simulation.append()
  simulation.deliver(1)
  t.equal(simulation.reads.length, 1, 'it does not follow, so the history is read')
  simulation.history.loseNewest(2)
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.equal(simulation.reads.length, 0, 'it is not waited for')
  t.strictSame(simulation.members[0]?.position, simulation.history.position)
})

t.test('history follower: a failed read is repeated every 500 ms until the follower is closed', async (t) => {
  const simulation = await openHistory(1)
  simulation.follower.refresh()
  for (let i = 0; i < 3; i++) {
    simulation.failRead(0)
    await nextTick()
    t.equal(simulation.reads.length, 0)
    simulation.clock.advance(500)
    t.equal(simulation.reads.length, 1)
  }
  simulation.follower.close()
  simulation.failRead(0)
  await nextTick()
  t.equal(simulation.clock.pending, 0)
  simulation.follower.refresh()
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.equal(simulation.members[0]?.resyncs, 0, 'a closed follower ignores the result of a read')
})

t.test('history follower: an entry that arrives during a read that fails is read 500 ms later', async (t) => {
  const simulation = await openHistory(1)
  const joined = simulation.join({ ...simulation.history.position, offset: 9 })
  await nextTick()
  await simulation.append()
  simulation.deliver(0)
  simulation.failRead(0)
  await joined
  simulation.clock.advance(500)
  t.equal(simulation.reads.length, 1)
  await simulation.settle()
  t.strictSame(simulation.members[0]?.position, simulation.history.position)
})

t.test('history follower: a lost history is read, unless it was empty', async (t) => {
  const simulation = await openHistory(2)
  simulation.follower.comparePosition(undefined)
  t.equal(simulation.reads.length, 1)
  const empty = await openHistory(0)
  empty.follower.comparePosition(undefined)
  t.equal(empty.reads.length, 0)
  await empty.join(empty.history.position)
  t.strictSame(empty.members.at(-1)?.seen, [])
})

t.test("history follower: a client that missed too much gets the reason 'limit' or 'trimmed'", async (t) => {
  const simulation = new FollowerSimulation(new HistoryModel(), 5_000)
  for (let i = 0; i < 1_500; i++) await simulation.append()
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.equal(simulation.follower.recoveryAfter(simulation.positions[100], 50)?.reason, 'limit')
  t.equal(simulation.follower.recoveryAfter(simulation.positions[600], 50)?.reason, undefined)
  const small = new FollowerSimulation(new HistoryModel(), 10)
  for (let i = 0; i < 20; i++) await small.append()
  await small.runRead(0)
  small.answerRead(0)
  await nextTick()
  t.equal(small.follower.recoveryAfter(small.positions[2], 50)?.reason, 'trimmed')
})

t.test('history cache: all entries after a snapshot stay, but a recovery never exceeds the bound', async (t) => {
  const simulation = new FollowerSimulation(new HistoryModel(), 5_000)
  await simulation.append(true)
  for (let i = 0; i < 1_500; i++) await simulation.append()
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.equal(simulation.follower.recoveryAfter(undefined, 50)?.messages.length, 1_500)
  t.equal(simulation.follower.recoveryAfter(simulation.positions[100], 50)?.reason, 'limit')
  t.equal(simulation.follower.recoveryAfter(simulation.positions[700], 50)?.messages.length, 800)
})

t.test('history follower: members that joined without the history get one resync after the first read', async (t) => {
  const simulation = new FollowerSimulation(new HistoryModel(), 1_000)
  await simulation.append()
  simulation.failRead(0)
  await nextTick()
  const member = new SimulatedMember()
  simulation.members.push(member)
  simulation.follower.startWithoutHistory()
  await simulation.runRead(0)
  simulation.answerRead(0)
  await nextTick()
  t.strictSame([member.resyncs, member.position], [1, simulation.history.position])
  t.equal(simulation.follower.resyncContent(1_000)?.messages.length, 1)
})
