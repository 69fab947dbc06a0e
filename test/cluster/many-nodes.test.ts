import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { TestClient } from '../../lib/testing/test-client.ts'
import { cases } from '../support/long-form.ts'
import { startRedis } from '../support/redis.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'

const perNode = cases(100, 50)
const channels = 50
const perSender = 4

interface Guest { readonly client: TestClient, readonly name: string, readonly channel: string }

interface Said { readonly from: string, readonly text: string }

async function crowd (nodes: readonly DemoNode[]): Promise<Guest[]> {
  const seats = nodes.flatMap((node) => Array.from({ length: perNode }, () => node))
  return await Promise.all(seats.map(async (node, i) => {
    const name = `guest ${i}`
    const channel = `chat/room-${i % channels}`
    const client = await node.connect(await node.identity(name))
    await insist(client, 'join', channel)
    return { client, name, channel }
  }))
}

/** Asks until it is acked, under one id: while a busy machine keeps a node from its Redis it is told so. */
async function insist (client: TestClient, type: string, channel: string, payload?: unknown): Promise<void> {
  const id = randomUUID()
  while ((await client.request(type, channel, payload, id)).type === 'error');
}

/** What a guest was told from now on until each of `senders` has said the last of its messages. */
function heard ({ client }: Guest, type: string): Said[] {
  return client.log.filter((envelope) => envelope.type === type).map(({ payload }) => payload as Said)
}

async function until (client: TestClient, type: string, count: number): Promise<void> {
  while (client.log.filter((envelope) => envelope.type === type).length < count) await client.next(type)
}

t.test(`cluster: three nodes with ${3 * perNode} connections in ${channels} channels`, async (t) => {
  const redis = await startRedis(t)
  const nodes = await Promise.all([1, 2, 3].map(() => DemoNode.start(t, redis.url)))
  const guests = await crowd(nodes)
  t.teardown(async () => { for (const { client } of guests) client.terminate() })
  const inRoom = guests.length / channels

  await t.test('every persistent message reaches every member once, in one order for all', async (t) => {
    await Promise.all(guests.map(async ({ client, name, channel }) => {
      for (let i = 0; i < perSender; i++) await insist(client, 'message.send', channel, { text: `${name}: ${i}` })
    }))
    await Promise.all(guests.map(({ client }) => until(client, 'message.posted', inRoom * perSender)))
    const wrong = guests.filter((guest) => {
      const texts = heard(guest, 'message.posted').map(({ text }) => text)
      const first = guests.find(({ channel }) => channel === guest.channel) as Guest
      return new Set(texts).size !== inRoom * perSender ||
        JSON.stringify(texts) !== JSON.stringify(heard(first, 'message.posted').map(({ text }) => text))
    })
    t.equal(wrong.length, 0, 'nobody missed one, had one twice, or had them in another order')
  })

  await t.test('every ephemeral message reaches every other member once, in its sender\'s order', async (t) => {
    const senders = guests.filter((_, i) => i < channels)
    for (const { client, channel } of senders) {
      for (let i = 0; i < perSender; i++) client.send({ type: 'typing', channel, payload: { active: i % 2 === 0 } })
    }
    const others = guests.filter((guest) => !senders.includes(guest))
    await Promise.all(others.map(({ client }) => until(client, 'typing.changed', perSender)))
    const wrong = others.filter(({ client }) => {
      const active = client.log.filter(({ type }) => type === 'typing.changed').map(({ payload }) =>
        (payload as { active: boolean }).active)
      return JSON.stringify(active) !== JSON.stringify(Array.from({ length: perSender }, (_, i) => i % 2 === 0))
    })
    t.equal(wrong.length, 0, 'nobody missed one, had one twice, or had them in another order')
    t.ok(
      senders.every(({ client }) => !client.log.some(({ type }) => type === 'typing.changed')), 'their senders got none'
    )
  })

  await t.test('a node without members of a channel receives none of its messages', async (t) => {
    const [a, b] = nodes as [DemoNode, DemoNode, DemoNode]
    const received = async () => (await b.status()).counters as Record<string, number>
    const alone = await a.connect(await a.identity('alone'))
    await alone.request('join', 'chat/apart')
    const before = await received()
    for (let i = 0; i < 20; i++) await alone.request('message.send', 'chat/apart', { text: `${i}` })
    alone.send({ type: 'typing', channel: 'chat/apart', payload: { active: true } })
    await alone.request('leave', 'chat/apart')
    t.equal((await received()).received, before.received, 'though they are one cluster')
    alone.terminate()
  })
})
