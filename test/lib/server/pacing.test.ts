import { Type } from '@sinclair/typebox'
import t from 'tap'
import { compileChannel } from '../../../lib/contract/compile.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import { maxDeliveries } from '../../../lib/rooms/pacing.ts'
import { AppendHooks } from '../../../lib/server/messages/append-hooks.ts'
import { ChannelPublisher } from '../../../lib/server/messages/channel-publisher.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeMember, join, leave, started } from '../../support/rooms.ts'
import { silentLog as log } from '../../support/silent-log.ts'

const contract = defineChannel({ pattern: 'x', fromClient: {}, fromServer: { said: { payload: Type.Integer() } } })

/** A room with members, and a loop that awaits each of its broadcasts. */
async function roomOf (size: number) {
  const clock = new FakeClock()
  const rooms = started(new MemoryAdapter(new MemoryHub(clock)), clock)
  const hooks = new AppendHooks({ clock, log, handlerTimeout: 1_000 })
  const publisher = new ChannelPublisher({ compiled: compileChannel(contract), hooks }, 'x', rooms, log)
  const members = Array.from({ length: size }, (_, i) => new FakeMember(`${i}`))
  for (const member of members) await join(rooms, member)
  let messages = 0
  const speak = async (count: number) => {
    for (const end = messages + count; messages < end;) await publisher.broadcast('said', messages++, undefined)
  }
  return { rooms, members, speak, said: () => messages }
}

/** Counts the iterations of the event loop until the work is done. */
async function iterationsDuring (work: Promise<unknown>, each: () => unknown = () => {}): Promise<number> {
  const state = { isDone: false }
  let iterations = 0
  const done = work.then(() => { state.isDone = true })
  for (; !state.isDone; iterations++) {
    await new Promise(setImmediate)
    await each()
  }
  await done
  return iterations - 1
}

t.test('pacing: a loop of awaited broadcasts leaves the event loop after 20,000 deliveries', async (t) => {
  const { speak } = await roomOf(100)
  const enough = maxDeliveries / 100
  t.ok(await iterationsDuring(speak(enough - 1)) < 1, 'a short burst does not wait')
  const iterations = await iterationsDuring(speak(5 * enough))
  t.ok(iterations >= 4 && iterations <= 6, `${iterations} iterations for five times as much`)
})

t.test('pacing: members get a long burst in order, and joins and leaves within it see a clean cut', async (t) => {
  const { rooms, members, speak, said } = await roomOf(100)
  const burst = 5 * maxDeliveries / 100
  const joined: Array<{ member: FakeMember, from: number }> = []
  const left: Array<{ member: FakeMember, until: number }> = []
  await iterationsDuring(speak(burst), async () => {
    const member = new FakeMember(`late ${joined.length}`)
    await rooms.openRoom('x')
    joined.push({ member, from: said() })
    rooms.addMember('x', member)
    const leaver = members[left.length] as FakeMember
    left.push({ member: leaver, until: said() })
    leave(rooms, leaver)
  })
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i).join()
  const gotOf = (member: FakeMember) => member.payloads.join()
  t.ok(joined.length > 2, `${joined.length} joins and leaves`)
  t.ok(joined.every(({ member, from }) => gotOf(member) === range(from, burst)), 'all that came after the join')
  t.ok(left.every(({ member, until }) => gotOf(member) === range(0, until)), 'all that came before the leave')
  const stayed = members.slice(left.length)
  t.ok(stayed.every((member) => gotOf(member) === range(0, burst)), 'who stayed got all, in order, once')
})
