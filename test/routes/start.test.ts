import { spawn } from 'node:child_process'
import t from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import { root } from '../support/root.ts'

/** What `npm start` runs once it has built, on a free port. `npm test` builds first. */
function start (env: Record<string, string> = {}): {
  ready: Promise<string>
  stop: (signal?: NodeJS.Signals) => void
  ended: Promise<number | null>
} {
  const child = spawn(
    process.execPath,
    ['dist/routes/start.js'],
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
  return { ready, stop, ended }
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
    for (const path of ['/', '/chat/', '/dashboard/']) {
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
