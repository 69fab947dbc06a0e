import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { implementOwn } from '../support/lab.ts'
import { root } from '../support/root.ts'
import { makeApp, secret } from '../support/serve.ts'
import { until } from '../support/until.ts'

// What a connection keeps when nothing happens on it. Its client is in a process of its own.

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const connections = 500
/** It is 5.0 to 5.8 KB with Node.js 20, 2.5 of them of `ws`. With the request it would be 5 KB more. */
const heapBytes = 7_168

async function heapUsed (): Promise<number> {
  // Finished promises and buffers take several rounds.
  for (let i = 0; i < 5; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

t.test('memory: an idle connection keeps less than 7 KB, and nothing of its request', async (t) => {
  const requests: Array<WeakRef<object>> = []
  const { app } = await makeApp(t, { limits: { perIp: 10_000 } }, { logger: false })
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    requests.push(...[request, request.raw, reply, reply.raw].map((one) => new WeakRef(one)))
  }
  app.ws('/ws', { onRequest }, [implementOwn()])
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 })
  const crowd = fork(`${root}test/bench/memory/crowd.js`, [secret], { execArgv: [] })
  t.teardown(() => crowd.kill())
  const open = async (from: number, count: number) => {
    crowd.send({ port: (app.server.address() as AddressInfo).port, from, count, concurrency: 20 })
    await once(crowd, 'message')
  }
  // Compiled code, caches and tables that grow belong to nobody.
  await open(0, 300)
  const before = await heapUsed()
  await open(300, connections)
  const each = (await heapUsed() - before) / connections
  t.ok(each < heapBytes, `${Math.round(each)} bytes of heap`)
  const kept = requests.filter((one) => one.deref() !== undefined)
  t.ok(kept.length <= 4 * 20, `${kept.length} of ${requests.length} parts of requests are left`)
  crowd.send('close')
  await until(() => app.channels.status().connections === 0)
})
