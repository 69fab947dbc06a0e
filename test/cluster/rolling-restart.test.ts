import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import type { chat } from '../../routes/chat/chat.contract.ts'
import { Balancer } from '../support/balancer.ts'
import type { Identity } from '../support/demo.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

// The short form of `npm run test:drain`.

/** Time enough on a busy machine; the clients leave long before. */
const drain = { DRAIN_SPREAD: '300', DRAIN_TIMEOUT: '60000' }

interface Seen {
  readonly posted: string[]
  readonly typed: string[]
  readonly told: unknown[]
}

/** A client of the demo's chat that keeps what it sees. */
async function visit (url: string, { token, userId }: Identity) {
  const client = connect<typeof chat>(`${url}/ws/chat`, { token: () => token, WebSocket })
  const seen: Seen = { posted: [], typed: [], told: [] }
  await client.ready()
  const room = await client.join('chat/:room', { room: 'lobby' }, {
    onResync: 'ignore',
    on: {
      'message.posted': ({ text }) => seen.posted.push(text),
      'typing.changed': ({ userId, active }) => seen.typed.push(`${userId} ${active}`)
    }
  })
  return { client, room, seen, id: userId }
}

t.test('rolling restart: nodes that drain are replaced without a gap for their clients', async (t) => {
  const redis = await startRedis(t)
  // The balancer prefers the newest node.
  const ports: number[] = []
  const start = async () => {
    const node = await DemoNode.start(t, redis.url, drain)
    await until(async () => (await node.status()).state === 'up')
    ports.unshift(Number(new URL(node.http).port))
    return node
  }
  const balancer = await Balancer.start(t, ports)
  const url = balancer.url.replace('http', 'ws')
  let node = await start()
  const names = ['ann', 'bob', 'cy', 'dan']
  const visitors = await Promise.all(names.map(async (name) => visit(url, await node.identity(name))))
  t.teardown(() => { for (const { client } of visitors) client.close() })
  await until(() => visitors.every(({ room: { presence } }) => presence.length === names.length))
  // By the reply each one has been told of it.
  await Promise.all(visitors.map(({ room }) => room.send('typing', { active: false })))
  for (const { client, room, seen } of visitors) {
    client.onState((state) => seen.told.push(state))
    client.onConnectError(({ message }) => seen.told.push(message))
    room.onPresence((...change) => seen.told.push(change))
  }
  const sent = { posted: [] as string[], typed: 0 }
  const running = new AbortController()
  const sending = visitors.map(async ({ room }, i) => {
    for (let n = 0; !running.signal.aborted; n++) {
      const text = `${names[i]} ${n}`
      await room.send('message.send', { text })
      await room.send('typing', { active: n % 2 === 0 })
      sent.posted.push(text)
      sent.typed++
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  })
  for (let restarts = 0; restarts < 2; restarts++) {
    const next = await start()
    await node.signal('SIGTERM')
    node = next
  }
  running.abort()
  await Promise.all(sending)
  await until(() => visitors.every(({ seen }) => seen.posted.length >= sent.posted.length))
  t.ok(sent.typed > 20, `${sent.typed} messages of each kind`)
  const [first] = visitors
  for (const { seen } of visitors) {
    t.strictSame(seen.posted, first?.seen.posted, 'each posted message once, in one order')
    t.strictSame([...seen.posted].sort(), [...sent.posted].sort())
    t.strictSame(seen.told, [], 'no client reports a state, a failure or a change of presence')
  }
  await until(() => visitors.every(({ seen }) => seen.typed.length >= sent.typed - sent.typed / names.length - 3))
  for (const [i, { seen }] of visitors.entries()) {
    for (const [n, { id }] of visitors.entries()) {
      const flags = seen.typed.filter((text) => text.startsWith(id)).map((text) => text.endsWith('true'))
      t.notOk(flags.some((flag, at) => flag === flags[at - 1]), 'what a user types comes once and in order')
      t.equal(flags.length > 0, n !== i, 'and not to the user')
    }
  }
  for (const { client } of visitors) client.close()
})
