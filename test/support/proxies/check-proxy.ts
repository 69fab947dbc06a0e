import { once } from 'node:events'
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { TestClient } from '../../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../../plugins/channels.ts'
import { implementLab, LabJournal } from '../lab.ts'
import { bearer, listen, makeApp, type Served } from '../serve.ts'
import { configurationOf, startProxy, type Proxy } from './proxies.ts'

/** Trusts the address of the proxy only. The clients of these tests come from other addresses of loopback. */
const trusting = { trustProxy: '127.0.0.1' }

async function serveBehind (
  t: Test, proxy: Proxy, options: ChannelsOptions, server: FastifyServerOptions = trusting
): Promise<Served & { readonly port: number, connections: number }> {
  const { app, sink } = await makeApp(t, { status: '/status', ...options }, server)
  app.ws('/lab', {}, [implementLab(new LabJournal())])
  app.get('/whoami', async (request) => ({ ip: request.ip, host: request.host, protocol: request.protocol }))
  const served = { ...await listen(app, sink), port: 0, connections: 0 }
  app.server.on('connection', () => { served.connections++ })
  served.port = await startProxy(t, proxy, [(app.server.address() as AddressInfo).port])
  return served
}

interface Sent { readonly path: string, readonly headers?: Record<string, string>, readonly from?: string }

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
}

/** One request through the proxy, over a connection that is kept. */
function send (agent: Agent, port: number, { path, headers, from }: Sent): Promise<{ status: number, body: string }> {
  return new Promise((resolve, reject) => {
    const local = from === undefined ? {} : { localAddress: from }
    const request = httpRequest({ host: '127.0.0.1', port, path, agent, ...local, headers: { ...headers } })
    request.on('error', reject)
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(new Error(`${path} was upgraded`))
    })
    request.on('response', (response) => {
      let body = ''
      response.on('data', (chunk) => { body += String(chunk) })
      response.on('end', () => resolve({ status: response.statusCode as number, body }))
    })
    request.end()
  })
}

/** A server that accepts every upgrade and keeps it. */
async function startUpgrading (t: Test, port: number): Promise<{ readonly port: number, stop (): Promise<void> }> {
  const server = createServer()
  const sockets = new Set<Duplex>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    const accept = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=' // For the key of `upgrade`.
    const head = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', accept]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
  })
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.teardown(stop)
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, stop }
}

/** The status of one upgrade through the proxy. The connection stays until the test is over. */
function statusOfUpgrade (t: Test, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/', agent: false, headers: upgrade })
    t.teardown(() => request.destroy())
    request.on('error', reject)
    request.on('upgrade', ({ statusCode }, socket) => {
      socket.on('error', () => socket.destroy())
      t.teardown(() => socket.destroy())
      resolve(statusCode)
    })
    request.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.end()
  })
}

/** What must hold behind every proxy. */
export function checkProxy (t: Test, proxy: Proxy): void {
  t.test(`proxies: ${proxy.name} passes upgrades, messages in both directions and close codes`, async (t) => {
    // Without `trustProxy` the check of `Origin` has nothing but the header `Host`.
    const { port, token, app } = await serveBehind(t, proxy, {}, {})
    const headers = { ...bearer(token('ann')).headers, origin: `http://127.0.0.1:${port}` }
    const client = await TestClient.connect(`ws://127.0.0.1:${port}/lab`, [], { headers })
    await client.request('join', 'lab/a')
    const text = 'ä👋'.repeat(4_000)
    await client.request('note', 'lab/a', { text })
    t.match(await client.next('noted'), { payload: { text } })
    await app.registry.disconnect({ userId: 'id-of-ann' })
    t.match(await client.closed, { code: 3003 })
    const other = await TestClient.connect(`ws://127.0.0.1:${port}/lab`, [], { headers })
    t.match(await other.close(), { code: 1000 })
  })

  t.test(`proxies: ${proxy.name} passes every refusal as such, also on kept connections`, async (t) => {
    const server = await serveBehind(t, proxy, { limits: { perIp: 2, connections: 3 } })
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const { authorization } = bearer(server.token('ann')).headers
    const known = { ...upgrade, authorization }
    const connect = async (from: string) => {
      const url = `ws://127.0.0.1:${server.port}/lab`
      const client = await TestClient.connect(url, [], { headers: { authorization }, localAddress: from })
      t.teardown(() => client.terminate())
    }
    await connect('127.0.0.2')
    await connect('127.0.0.2')

    const evil = 'https://evil.example'
    const rows: ReadonlyArray<readonly [status: number, sent: Sent]> = [
      [200, { path: '/status' }],
      [401, { path: '/lab', headers: upgrade }],
      [403, { path: '/lab', headers: { ...known, origin: evil } }],
      [404, { path: '/nowhere', headers: known }],
      [404, { path: '/nowhere' }],
      [401, { path: '/lab' }],
      [426, { path: '/lab', headers: { authorization } }],
      [429, { path: '/lab', headers: known, from: '127.0.0.2' }],
      [429, { path: '/lab', headers: { ...known, 'x-forwarded-for': '203.0.113.9' }, from: '127.0.0.2' }],
      [200, { path: '/status' }]
    ]
    const before = server.connections
    const rounds = 5
    for (let round = 0; round < rounds; round++) {
      for (const [status, sent] of rows) {
        t.equal((await send(agent, server.port, sent)).status, status, `${status}: ${JSON.stringify(sent)}`)
      }
    }
    const opened = server.connections - before
    const upgrades = rounds * rows.filter(([, { headers }]) => headers).length
    t.ok(opened <= upgrades + 3, `${opened} connections to the server: no more than one for each refused upgrade`)

    await connect('127.0.0.3')
    for (let round = 0; round < rounds; round++) {
      t.equal((await send(agent, server.port, { path: '/lab', headers: known, from: '127.0.0.4' })).status, 503)
      t.equal((await send(agent, server.port, { path: '/whoami' })).status, 200)
    }
  })

  t.test(`proxies: ${proxy.name} passes the host, the scheme and the address of the client`, async (t) => {
    const { port } = await serveBehind(t, proxy, {})
    const agent = new Agent()
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    const { body } = await send(agent, port, { path: '/whoami', headers, from: '127.0.0.5' })
    t.strictSame(JSON.parse(body), { ip: '127.0.0.5', host: `127.0.0.1:${port}`, protocol: 'http' })
  })

  t.test(`proxies: ${proxy.name} upgrades every client after a restart of one server after the other`, async (t) => {
    const servers = await Promise.all([startUpgrading(t, 0), startUpgrading(t, 0)])
    const [one, two] = servers
    const port = await startProxy(t, proxy, [one.port, two.port])
    for (const server of servers) {
      await server.stop()
      for (let client = 0; client < 4; client++) await statusOfUpgrade(t, port)
      await startUpgrading(t, server.port)
    }
    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOfUpgrade(t, port)))
    t.strictSame(statuses, Array(8).fill(101))
  })

  t.test(`proxies: ${proxy.name} keeps a silent connection longer than the heartbeat needs`, async (t) => {
    const limits = /(?:timeout (?:client|server|tunnel)|_timeout|ProxyTimeout) (\d+)/g
    const timeouts = [...configurationOf(proxy).matchAll(limits)]
    for (const [line, seconds] of timeouts) t.ok(Number(seconds) > 40, line)
    t.equal(timeouts.length > 0, proxy.name !== 'Caddy', 'only Caddy has no such limit')
  })
}
