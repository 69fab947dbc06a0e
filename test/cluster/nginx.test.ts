import t from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import { identityOf } from '../support/demo.ts'
import { startRedis } from '../support/redis.ts'
import { bearer } from '../support/serve.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { nginx, startProxy } from '../support/proxies/proxies.ts'

t.test('nginx: two nodes serve behind the configuration of docs/deployment.md', async (t) => {
  const redis = await startRedis(t)
  const nodes = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  const [a, b] = nodes.map((node) => Number(new URL(node.http).port)) as [number, number]
  const http = `http://127.0.0.1:${await startProxy(t, nginx, [a, b])}`
  const url = `${http.replace('http', 'ws')}/ws/chat`
  const enter = async (name: string, headers: Record<string, string> = {}) => {
    const { token } = await identityOf(http, name)
    const client = await TestClient.connect(url, [], { headers: { ...bearer(token).headers, ...headers } })
    t.teardown(async () => client.terminate())
    t.equal((await client.request('join', 'chat/lobby')).type, 'ack')
    return client
  }

  const guests = await Promise.all(Array.from({ length: 10 }, (_, i) => enter(`guest ${i}`)))
  const counts = await Promise.all(nodes.map(async (node) => (await node.status()).connections))
  t.equal(
    counts.filter((count) => Number(count) > 0).length, 2, 'both nodes have some of them, without sticky sessions'
  )

  await guests[0]?.request('message.send', 'chat/lobby', { text: 'hello, all' })
  for (const guest of guests) t.match(await guest.next('message.posted'), { payload: { text: 'hello, all' } })

  await t.test('nginx: the allowed origin is that of the page that nginx serves', async () => {
    await enter('a browser', { origin: http })
    await t.rejects(
      enter('another page', { origin: 'http://elsewhere.example' }), new Error('the upgrade was answered 403')
    )
  })

  await t.test('nginx: when a node is gone, the other one serves', async (t) => {
    await nodes[0]?.signal('SIGTERM')
    const late = await enter('late')
    await late.request('message.send', 'chat/lobby', { text: 'still here' })
    t.match(await late.next('message.posted'), { payload: { text: 'still here' } })
  })
})
