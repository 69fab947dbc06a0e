import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { readScript } from '../../lib/redis/history/history-scripts.ts'
import { connect, type TypedChannel, type TypedClient } from '../../lib/client/index.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import type { EntryPosition } from '../../lib/protocol/position.ts'
import type { Recovery } from '../../lib/protocol/history.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { chat } from '../../routes/chat/chat.contract.ts'
import { Balancer } from '../support/balancer.ts'
import { bearer } from '../support/serve.ts'
import { cases } from '../support/long-form.ts'
import { startRedis } from '../support/redis.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { watchCommands } from '../support/watch-commands.ts'

interface Received { readonly text: string, readonly id: string }

/** Somebody with the client library, who writes down all that happens. */
class Participant {
  readonly received: Received[] = []
  readonly resyncs: string[] = []
  readonly states: string[] = []
  recovered = 0
  readonly #client: TypedClient<typeof chat>
  #room: TypedChannel<typeof chat['definition']> | undefined
  #watching: () => void = () => {}

  constructor (t: Test, url: string, token: string) {
    this.#client = connect<typeof chat>(`${url}/ws/chat`, { WebSocket: WebSocket as never, token: () => token })
    this.#client.onState((state) => this.states.push(state))
    t.teardown(async () => this.#client.close())
  }

  async join (room: string): Promise<this> {
    this.#room = await this.#client.join(
      'chat/:room', { room }, { onResync: ({ reason }) => { this.resyncs.push(reason) } }
    )
    this.#room.on('message.posted', ({ text, id }) => {
      this.received.push({ text, id })
      this.#watching()
    })
    this.#room.onRecovered(() => { this.recovered++ })
    return this
  }

  /** Resolves with the id once it is acked. */
  async say (text: string): Promise<string> {
    return (await (this.#room as TypedChannel<typeof chat['definition']>).send('message.send', { text })).id
  }

  async until (count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => { this.#watching = resolve })
  }
}

t.test('recovery: two nodes are killed in turn, and every acked message arrives once and in order', async (t) => {
  const redis = await startRedis(t)
  const nodes = await Promise.all([1, 2, 3].map(() => DemoNode.start(t, redis.url))) as [DemoNode, DemoNode, DemoNode]
  const balancer = await Balancer.start(t, nodes.map(({ http }) => Number(new URL(http).port)))
  const [first, second, last] = nodes
  const roaming = balancer.url.replace('http', 'ws')
  const token = async (name: string) => (await last.identity(name)).token

  const ada = await new Participant(t, roaming, await token('Ada')).join('lobby')
  const bob = await new Participant(t, last.url, await token('Bob')).join('lobby')
  const raw = await last.connect(await last.identity('Cleo'))
  t.teardown(async () => raw.terminate())
  await raw.request('join', 'chat/lobby')
  // Killed off before it ever received a message.
  const silent = await new Participant(t, roaming, await token('Dan')).join('lobby')

  const acked: string[] = []
  const converse = async (who: Participant, name: string, count: number) => {
    for (let i = 0; i < count; i++) acked.push(await who.say(`${name} ${acked.length} ${i}`))
  }
  await first.signal('SIGKILL')
  await Promise.all([converse(ada, 'Ada', 20), converse(bob, 'Bob', 20)])
  const talking = Promise.all([converse(ada, 'Ada', 20), converse(bob, 'Bob', 20)])
  await ada.until(50)
  await second.signal('SIGKILL')
  await talking
  await Promise.all([ada, bob, silent].map((participant) => participant.until(acked.length)))
  await raw.request('ping')

  const ids = bob.received.map(({ id }) => id)
  t.equal(acked.length, 80)
  t.strictSame([...ids].sort(), [...acked].sort(), 'everything that was acked arrived, once')
  for (const participant of [ada, silent]) t.strictSame(participant.received, bob.received, 'the same for everyone')
  const plain = raw.log.filter(({ type }) => type === 'message.posted') as Array<Envelope & EntryPosition>
  t.strictSame(plain.map(({ id }) => id), ids)
  t.strictSame(plain.map(({ offset }) => offset), plain.map((_, i) => i + 1))
  for (const { resyncs } of [ada, bob, silent]) t.strictSame(resyncs, ['fresh'], 'no resync after the first')
  t.strictSame(
    [ada.recovered >= 2, bob.recovered, silent.recovered >= 2],
    [true, 0, true],
    'who lost a node twice was brought up to date twice'
  )
  t.notOk(bob.states.slice(1).some((state) => state !== 'open'))
})

/** How often Redis was asked since to read the log of that channel. */
async function countReads (t: Test, port: number, channel: string): Promise<() => number> {
  const sha = createHash('sha1').update(readScript.lua).digest('hex')
  const text = JSON.stringify(readScript.lua).slice(1, -1)
  let reads = 0
  await watchCommands(t, port, ([, script, , key]) => {
    if ((script === sha || script === text) && key?.includes(`{c:${channel}}`)) reads++
  })
  return () => reads
}

const size = cases(1_000, 60)

t.test('recovery: a crowd of clients of a killed node recovers, each from its own position', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  const identity = await a.identity('crowd')
  const room = 'chat/crowd'
  const crowd = await Promise.all(Array.from({ length: size }, () => a.connect(identity)))
  const start = (await Promise.all(crowd.map((client) => client.request('join', room))))[0]?.payload as Recovery
  const [witness] = crowd as [TestClient]
  for (let i = 0; i < 200; i++) await witness.request('message.send', room, { text: `${i}` })
  const entries = witness.log.filter(({ type }) => type === 'message.posted') as Array<Envelope & EntryPosition>
  t.equal(entries.length, 200)
  await a.signal('SIGKILL')
  await Promise.all(crowd.map(({ closed }) => closed))

  const reads = await countReads(t, redis.port, room)
  const began = performance.now()
  let tries = 1
  /** As often as it takes: on a machine that is busy enough, Redis does not answer in time. */
  const rejoin = async (client: TestClient, since: object, nth = 1): Promise<Recovery> => {
    tries = Math.max(tries, nth)
    const { payload } = await client.request('join', room, { since })
    return (payload as { code?: string }).code === 'unavailable' ? rejoin(client, since, nth + 1) : payload as Recovery
  }
  const recovered = await Promise.all(crowd.map(async (_, i) => {
    const { offset, hash } = entries[i % 200] as EntryPosition
    const client = await TestClient.connect(`${b.url}/ws/chat`, [], bearer(identity.token))
    t.teardown(async () => client.terminate())
    return rejoin(client, { epoch: start.epoch, offset, hash })
  }))
  t.comment(`all ${size} were back after ${Math.round(performance.now() - began)} ms`)
  const wrong = recovered.filter(({ recovered, messages, offset }, i) => {
    const missed = messages as Array<Envelope & EntryPosition>
    return !recovered || offset !== 200 || missed.length !== 199 - i % 200 ||
      missed.some((entry, n) => entry.offset !== i % 200 + 2 + n)
  })
  t.strictSame(wrong.slice(0, 1), [], `each got what it missed, and nothing else: ${wrong.length} did not`)
  // Whatever the monitor has yet to report comes before this.
  await redis.cli('ECHO', 'the end')
  await new Promise(setImmediate)
  t.ok(reads() <= 2 * tries, `${reads()} reads of the log, in ${tries} tries`)
  t.ok(reads() >= 1, 'of a node that knew nothing of it')
})
