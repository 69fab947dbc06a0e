import { setTimeout as wait } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel, implement } from '../../plugins/channels.ts'
import { cases } from '../support/long-form.ts'
import { Random } from '../support/random.ts'
import { startRedis } from '../support/redis.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const log = defineChannel({
  pattern: 'log',
  fromClient: { add: { payload: Type.Integer(), idempotent: true } },
  fromServer: { added: { payload: Type.Integer() } },
  history: { limit: 5000, ttl: 60_000, initial: 1 }
})

const publishers = 24
/** 60 messages a second in all. */
const everyMs = publishers * 1000 / 60
const outageMs = 2000

interface Sent { readonly at: number, readonly acked: Promise<number> }

/** 24 clients that publish at their rate until `isOver`, and note each message in `sent`. */
async function publish (
  t: Test, url: string, random: Random, sent: Sent[], isOver: () => boolean
): Promise<void> {
  const channels = await Promise.all(Array.from({ length: publishers }, async () => {
    const client = connect<typeof log>(`${url}/ws`, { WebSocket })
    t.teardown(async () => client.close())
    return client.join('log', {}, { onResync: 'ignore' })
  }))
  await Promise.all(channels.map(async (channel) => {
    await wait(random.next() * everyMs)
    while (!isOver()) {
      sent.push({ at: performance.now(), acked: channel.send('add', sent.length).then(() => performance.now()) })
      await wait(everyMs)
    }
  }))
}

t.test('Redis is away for 2 s: idempotent messages are acked within 3 s of its return', async (t) => {
  for (let seed = 1; seed <= cases(5, 1); seed++) await t.test(`seed ${seed}`, (t) => assertRecovery(t, seed))
})

async function assertRecovery (t: Test, seed: number): Promise<void> {
  const redis = await startRedis(t)
  const { app, sink } = await makeApp(t, { redis: { url: redis.url } })
  app.ws('/ws', { public: true }, [implement(log, {
    authorize: () => true,
    on: { add: async (ctx, number) => { await ctx.broadcast('added', number) } }
  })])
  const { url } = await listen(app, sink)
  let isOver = false
  const sent: Sent[] = []
  const publishing = publish(t, url, new Random(seed), sent, () => isOver)
  await until(() => sent.length > publishers)
  // It answers nothing, or it is gone and comes back empty.
  await (seed % 2 === 1 ? redis.pause() : redis.kill())
  await wait(outageMs)
  await (seed % 2 === 1 ? redis.resume() : redis.start())
  const returnedAt = performance.now()
  await until(() => sent.some(({ at }) => at > returnedAt))
  isOver = true
  await publishing
  const during = sent.filter(({ at }) => at < returnedAt && at > returnedAt - outageMs)
  const lateMs = (await Promise.all(during.map(({ acked }) => acked))).map((at) => at - returnedAt)
  const p99 = lateMs.toSorted((a, b) => a - b)[Math.floor(lateMs.length * 0.99)] as number
  t.comment(`${during.length} messages during the outage, acked ${Math.round(p99)} ms after it (p99)`)
  t.ok(during.length > 60, 'messages were sent during the outage')
  t.ok(p99 < 3000, 'p99 under 3 s')
  await Promise.all(sent.map(({ acked }) => acked))
}
