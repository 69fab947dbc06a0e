import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { implement } from '../../plugins/channels.ts'
import { hubPaths } from '../support/conformance/local-adapters.ts'
import { news } from '../support/news.contract.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const newPath = hubPaths(t)

const implementation = implement(news, {
  authorize: () => true,
  presence: () => ({}),
  on: {
    post: async (ctx, number) => { await ctx.broadcast('posted', number) },
    wave: (ctx) => ctx.broadcast('waved', undefined)
  }
})

t.test('local: two servers with one path are one cluster, and the next hub begins new histories', async (t) => {
  const path = join(newPath(), 'hub.sock')
  const serve = async () => {
    const { app, sink } = await makeApp(t, { local: path })
    app.ws('/ws', { public: true }, [implementation])
    return listen(app, sink)
  }
  const [first, second] = [await serve(), await serve()]
  t.equal((statSync(dirname(path)).mode & 0o777).toString(8), '700', 'the directory is private')
  const seen: unknown[] = []
  const joinAt = async (url: string) => {
    const client = connect<typeof news>(`${url}/ws`, { WebSocket })
    t.teardown(async () => client.close())
    return client.join('news/:room', { room: '1' }, {
      onResync: () => { seen.push('resync') },
      on: { posted: (number) => { seen.push(number) }, waved: () => { seen.push('waved') } }
    })
  }
  const [sender, receiver] = [await joinAt(first.url), await joinAt(second.url)]
  await sender.send('post', 1)
  await sender.send('wave')
  await until(() => seen.filter((one) => one === 'waved').length === 2)
  t.strictSame(seen.filter((one) => one === 1).length, 2, 'both members have the message')
  await until(() => receiver.presence.length === 2)
  t.strictSame((await second.app.registry.nodes()).missing, [], 'the nodes know each other')
  seen.length = 0
  await first.app.close()
  await until(() => seen.includes('resync'))
  await receiver.send('post', 2)
  await until(() => seen.includes(2))
  t.equal(second.app.channels.status().state, 'up')
})

t.test('local: a path that cannot be used is refused at registration', async (t) => {
  await t.rejects(makeApp(t, { local: `/${'x'.repeat(120)}` }), { code: 'FST_CHANNELS_OPTIONS' })
  await t.rejects(makeApp(t, { local: '' as never }), { code: 'FST_CHANNELS_OPTIONS' })
})
