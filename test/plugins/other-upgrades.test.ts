import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import fastify, { type FastifyInstance } from 'fastify'
import { Server } from 'socket.io'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'

const isVite = ({ headers }: IncomingMessage) => /^vite-/.test(headers['sec-websocket-protocol'] ?? '')

/** Listens to upgrades as the dev server of Vite does: it takes those with its subprotocol, and no other. */
function attachHotReload (app: FastifyInstance): void {
  const server = new WebSocketServer({ noServer: true })
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isVite(request)) return
    server.handleUpgrade(request, socket, head, (webSocket) => webSocket.send('{"type":"connected"}'))
  })
  app.addHook('preClose', async () => { for (const client of server.clients) client.terminate() })
}

/** As the documentation shows it. */
function attachSocketIo (app: FastifyInstance): void {
  const io = new Server(app.server, { destroyUpgrade: false })
  app.addHook('preClose', async () => { io.engine.close() })
}

interface Row {
  readonly attach: (app: FastifyInstance) => void
  readonly otherUpgrades: ChannelsOptions['otherUpgrades']
  readonly path: string
  readonly protocols: string[]
  readonly first: RegExp
}

const rows: Readonly<Record<string, Row>> = {
  'the hot reload of Vite': {
    attach: attachHotReload, otherUpgrades: isVite, path: '/', protocols: ['vite-hmr'], first: /connected/
  },
  'Socket.IO': {
    attach: attachSocketIo,
    otherUpgrades: ['/socket.io'],
    path: '/socket.io/?EIO=4&transport=websocket',
    protocols: [],
    first: /^0\{"sid"/
  }
}

async function serve (
  t: Test, { attach, otherUpgrades }: Partial<Row>, isFirst = false
): Promise<{ app: FastifyInstance, url: string }> {
  const app = fastify()
  t.teardown(() => app.close())
  if (isFirst) attach?.(app)
  await app.register(channels, { otherUpgrades })
  if (!isFirst) attach?.(app)
  app.ws('/ws', { public: true }, [])
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url: `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

for (const [name, row] of Object.entries(rows)) {
  for (const isFirst of [true, false]) {
    t.test(`other upgrades: ${name}, attached ${isFirst ? 'before' : 'after'} the plugin, keeps its own`, async (t) => {
      const { app, url } = await serve(t, row, isFirst)
      const other = new WebSocket(url + row.path, row.protocols)
      t.match(String((await once(other, 'message'))[0]), row.first)
      const client = await TestClient.connect(`${url}/ws`)
      t.match(await client.request('ping'), { type: 'ack' })
      const refused = { message: /answered 404/ }
      await t.rejects(TestClient.connect(`${url}/nowhere`), refused, 'an upgrade of nobody')
      await t.rejects(TestClient.connect(`${url}/socket.iodine`), refused, 'a path that only begins alike')
      const closed = once(other, 'close')
      await app.close()
      t.match(await client.closed, { code: 1012 })
      await closed
    })
  }
}

t.test('other upgrades: without another listener, and without the option, the plugin answers', async (t) => {
  const { otherUpgrades, path } = rows['Socket.IO'] as Row
  const alone = await serve(t, { otherUpgrades })
  await t.rejects(TestClient.connect(alone.url + path), { message: /answered 404/ }, 'nobody else listens')
  const listened = await serve(t, { attach: (app) => { app.server.on('upgrade', () => {}) }, otherUpgrades: undefined })
  await t.rejects(TestClient.connect(listened.url + path), { message: /answered 404/ }, 'the option names none')
})

t.test('other upgrades: a function that fails, or answers with a promise, leaves none to others', async (t) => {
  const fail = () => { throw new Error('on purpose') }
  for (const otherUpgrades of [fail, async () => fail(), async () => true] as never[]) {
    const { app, url } = await serve(t, { attach: attachHotReload, otherUpgrades })
    await (await TestClient.connect(`${url}/ws`)).close()
    await app.close()
  }
})

t.test('other upgrades: those that the application hands to the server itself are nothing of the plugin', async (t) => {
  const { app, url } = await serve(t, {
    attach (app) {
      app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        const { websocketServer: server } = app
        if (request.url !== '/own') return
        server.handleUpgrade(request, socket, head, (webSocket) => server.emit('connection', webSocket, request))
      })
    },
    otherUpgrades: ['/own']
  })
  const own = new WebSocket(`${url}/own`)
  await once(own, 'open')
  const closed = once(own, 'close')
  await app.close()
  await closed
})

t.test('other routes of @fastify/websocket: one that fails is closed, and a broken frame ends its own', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels)
  app.get('/fails', { websocket: true }, () => { throw new Error('on purpose') })
  app.get('/plain', { websocket: true }, () => {})
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  t.match(await once(new WebSocket(`${url}/fails`), 'close'), [1011])
  const plain = new WebSocket(`${url}/plain`)
  await once(plain, 'open')
  // An opcode that RFC 6455 does not have.
  ;(plain as unknown as { readonly _socket: Socket })._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))
  t.match(await once(plain, 'close'), [1002])
})
