import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import { workerCount } from '../../routes/workers.ts'
import { root } from '../support/root.ts'
import { until } from '../support/until.ts'

/** In milliseconds: the demo is started several times, with several processes. */
t.setTimeout(120_000)

/** What `npm start` runs once it has built, on a free port. `npm test` builds first. */
function start (env: Record<string, string> = {}, args: readonly string[] = []): {
  pid: number
  ready: Promise<string>
  stop: (signal?: NodeJS.Signals) => void
  ended: Promise<number | null>
} {
  const child = spawn(
    process.execPath,
    ['dist/routes/start.js', ...args],
    { cwd: root, env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env } }
  )
  let printed = ''
  const ready = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk) => {
      printed += String(chunk)
      if (/Ctrl-C ends it[^]*\n\n/.test(printed)) resolve(printed)
    })
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const stop = (signal: NodeJS.Signals = 'SIGINT') => { child.kill(signal) }
  return { pid: child.pid as number, ready, stop, ended }
}

t.test('npm start', async (t) => {
  const demo = start()
  t.teardown(() => demo.stop())
  const printed = await demo.ready
  const [http] = printed.match(/http:\/\/localhost:\d+/) ?? ['']
  const at = http.replace('localhost', '127.0.0.1')

  t.test('prints its address and the demos', async (t) => {
    t.match(printed, /Open it in two windows/)
  })

  t.test('serves its pages', async (t) => {
    for (const path of ['/', '/chat/', '/dashboard/', '/asyncapi']) {
      const page = await fetch(at + path)
      t.equal(page.status, 200)
      t.match(page.headers.get('content-type'), 'text/html')
    }
  })

  t.test('closes its clients with 1012 on Ctrl-C', async (t) => {
    const response = await fetch(
      `${at}/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"ann"}' }
    )
    const { token } = await response.json() as { token: string }
    const client = await TestClient.connect(`${at.replace('http', 'ws')}/ws/chat?token=${token}`)
    demo.stop()
    t.strictSame(await client.closed, { code: 1012, reason: 'server is restarting' })
    t.equal(await demo.ended, 0)
  })
})

t.test('LIMITS=off npm start reports and has no limits on rates and connections', async (t) => {
  const demo = start({ LIMITS: 'off' })
  t.teardown(() => demo.stop())
  const printed = await demo.ready
  t.match(printed, /Limits on rates and connections are OFF/)
  const at = `http://127.0.0.1:${new URL(printed.match(/http:\/\/localhost:\d+/)?.[0] ?? '').port}`
  const response = await fetch(
    `${at}/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"ann"}' }
  )
  const { token } = await response.json() as { token: string }
  const url = `${at.replace('http', 'ws')}/ws/chat?token=${token}`
  const clients = await Promise.all(Array.from({ length: 25 }, () => TestClient.connect(url)))
  t.equal(clients.length, 25)

  t.test('SIGTERM drains first: it says so, asks the clients to move, and ends when they have', async (t) => {
    demo.stop('SIGTERM')
    await Promise.all(clients.map((client) => client.next('reconnect')))
    const status = await fetch(`${at}/status`)
    t.match([status.status, await status.json()], [503, { state: 'draining', connections: 25 }])
    await Promise.all(clients.map((client) => client.close(4001)))
    t.equal(await demo.ended, 0)
  })
})

/** Joins a room of the demo's chat as a new user, over a new connection. */
async function join (at: string, name: string): Promise<TestClient> {
  const response = await fetch(
    `${at}/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }) }
  )
  const { token } = await response.json() as { token: string }
  const client = await TestClient.connect(`${at.replace('http', 'ws')}/ws/chat?token=${token}`)
  await client.request('join', 'chat/lobby')
  return client
}

t.test('npm start -- --workers 2: the processes are one cluster, and one that is killed is replaced', {
  timeout: 90_000
}, async (t) => {
  const demo = start({ LOG_LEVEL: 'warn', DRAIN_TIMEOUT: '0' }, ['--workers', '2'])
  t.teardown(() => demo.stop())
  const printed = await demo.ready
  t.match(printed, /2 processes share the port, and are one cluster/)
  const at = `http://127.0.0.1:${new URL(printed.match(/http:\/\/localhost:\d+/)?.[0] ?? '').port}`
  // The primary hands connections out in turn.
  const clients = [await join(at, 'ann'), await join(at, 'bob'), await join(at, 'cleo'), await join(at, 'dan')]
  const workers = () => readFileSync(`/proc/${demo.pid}/task/${demo.pid}/children`, 'utf8').trim().split(' ')
  const nodes = new Set<string>()
  await until(async () => {
    const response = await fetch(`${at}/status`, { headers: { connection: 'close' } })
    const { node, connections } = await response.json() as { node: string, connections: number }
    if (connections > 0) nodes.add(node)
    return nodes.size === 2
  })
  await clients[0]?.request('message.send', 'chat/lobby', { text: 'hello' })
  for (const client of clients) t.match(await client.next('message.posted'), { payload: { text: 'hello' } })
  const [first] = workers()
  process.kill(Number(first), 'SIGKILL')
  await until(() => workers().length === 2 && !workers().includes(first as string))
  demo.stop('SIGTERM')
  t.equal(await demo.ended, 0)
})

t.test('npm start -- --workers: takes a whole number from 1 to 64', async (t) => {
  t.strictSame(['1', '64'].map(workerCount), [1, 64])
  for (const text of ['0', '-2', '1.5', '65', 'two', '1e999', '']) {
    t.throws(() => workerCount(text), new RangeError(
      `cannot start '--workers ${text}': give a whole number from 1 to 64`
    ))
  }
})

t.test('npm start -- --workers 2: with a port in use it ends with an error', { timeout: 90_000 }, async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const port = String((other.address() as AddressInfo).port)
  const demo = start({ LOG_LEVEL: 'silent', PORT: port, HOST: '127.0.0.1' }, ['--workers', '2'])
  t.equal(await demo.ended, 1)
})
