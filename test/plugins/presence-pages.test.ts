import { setImmediate as nextIteration } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import type {
  JoinAck, PresenceChange, PresenceEntry, PresencePage
} from '../../lib/protocol/control-messages.ts'
import { maxPresenceDataBytes, maxRecoveryBytes } from '../../lib/protocol/envelope.ts'
import { implement } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { started } from '../support/rooms.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'
import { soon } from '../support/until.ts'

const hallContract = defineChannel({
  pattern: 'hall',
  fromClient: {},
  fromServer: { posted: { payload: Type.String() } },
  presence: Type.Object({ text: Type.String() }),
  history: { limit: 1_000, ttl: 60_000, initial: 1_000 }
})

/** A channel with users of another node. `own`: the size of the presence data of those who join here. */
async function serveHall (t: Test, own = 400) {
  const hub = new MemoryHub()
  const { app, sink } = await makeApp(t, { adapter: new MemoryAdapter(hub), limits: false })
  app.ws('/ws', {}, [implement(hallContract, {
    presence: () => ({ text: 'y'.repeat(own) }),
    joined: (ctx) => ctx.log.info({}, 'joined'),
    on: {}
  })])
  const served = await listen(app, sink)
  const elsewhere = started(new MemoryAdapter(hub))
  return {
    ...served,
    open: (name: string) => TestClient.connect(`${served.url}/ws`, [], bearer(served.token(name))),
    enter: async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        await elsewhere.enterPresence('hall', { id: `${i}`, userId: `user-${i}` }, { text: 'x'.repeat(400) })
      }
    },
    exit: (from: number, to: number) => {
      for (let i = from; i < to; i++) elsewhere.exitPresence('hall', { id: `${i}` }, 0)
    },
    present: () => hub.presenceList('hall').entries.map(({ user }) => user).sort()
  }
}

type Hall = Awaited<ReturnType<typeof serveHall>>

/** Users come and go in 100 iterations of the event loop. */
async function churn ({ enter, exit }: Hall, first: number): Promise<void> {
  for (let i = 0; i < 100; i++) {
    exit(i * 20, i * 20 + 3)
    await enter(first + i * 10, first + i * 10 + 10)
    await nextIteration()
  }
}

/** A WebSocket that keeps the sizes of the messages. */
function recorded () {
  const sizes: number[] = []
  class Recorded extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      this.on('message', (data: Buffer) => sizes.push(data.length))
    }
  }
  return { sizes, Recorded }
}

t.test('presence: with 3,000 users who come and go, a joining client has the list of the server', async (t) => {
  const hall = await serveHall(t)
  await hall.enter(0, 3_000)
  const { sizes, Recorded } = recorded()
  const client = connect<typeof hallContract>(`${hall.url}/ws`, { token: () => hall.token('ann'), WebSocket: Recorded })
  t.teardown(() => client.close())
  const churning = churn(hall, 5_000)
  const joined = await client.join('hall', {}, { onResync: 'ignore' })
  await churning
  const users = () => joined.presence.map(({ user }) => user).sort()
  await soon('the lists are equal', () => users().join() === hall.present().join())
  t.equal(users().length, 3_701)
  const largest = Math.max(...sizes)
  t.ok(sizes.length > 3 && largest < maxRecoveryBytes, `${sizes.length} messages up to ${largest} bytes`)
})

/** Takes the messages of a channel up to the last page. */
async function knownTo (client: TestClient, ack: JoinAck): Promise<Set<string>> {
  const known = new Set((ack.presence as PresenceEntry[]).map(({ user }) => user))
  for (let isOver = ack.presenceMore === undefined; !isOver;) {
    const payload = (await client.next('presence')).payload as PresencePage & PresenceChange
    for (const { user } of [...payload.present ?? [], ...payload.joined ?? []]) known.add(user)
    for (const user of payload.left ?? []) known.delete(user)
    isOver = payload.present !== undefined && !payload.more
  }
  return known
}

t.test('presence: a client that reads slowly while it joins is not closed, and gets every page', async (t) => {
  const hall = await serveHall(t)
  await hall.enter(0, 12_000)
  const client = await hall.open('ann')
  const joining = client.request('join', 'hall')
  await hall.logged('joined')
  client.webSocket.pause()
  await churn(hall, 20_000)
  client.webSocket.resume()
  const known = await knownTo(client, (await joining).payload as JoinAck)
  t.ok(known.size >= 12_701, `${known.size} users`)
})

t.test('presence: the ack of a join has at most 1 MiB together with a history of 1 MiB', async (t) => {
  const hall = await serveHall(t)
  await hall.enter(0, 3_000)
  const room = hall.app.rooms.of(hallContract)
  for (let i = 0; i < 960; i++) await room.broadcast('posted', 'z'.repeat(900))
  const client = await hall.open('ann')
  let size = 0
  client.webSocket.once('message', (data: Buffer) => { size = data.length })
  const ack = (await client.request('join', 'hall')).payload as JoinAck & { messages: unknown[] }
  t.ok(size < maxRecoveryBytes && size > maxRecoveryBytes - 16_384, `${size} bytes`)
  t.equal(ack.messages.length, 960)
  t.equal((await knownTo(client, ack)).size, 3_001)
})

t.test('presence: data of a user that no page has room for fail the join, and the log has their size', async (t) => {
  const [fits, exceeds] = await Promise.all([0, 1].map((more) => serveHall(t, maxPresenceDataBytes - 11 + more)))
  t.match(await (await (fits as Hall).open('ann')).request('join', 'hall'), { type: 'ack' })
  const { open, logged } = exceeds as Hall
  t.match((await (await open('ann')).request('join', 'hall')).payload, { code: 'internal' })
  const { err } = await logged('a handler failed')
  t.match(err, {
    message: "the presence data for 'hall' have 262145 bytes: return at most 262144 from 'presence'"
  })
})
