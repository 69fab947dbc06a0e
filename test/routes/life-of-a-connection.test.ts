import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import type { chat } from '../../routes/chat/chat.contract.ts'
import { serveDemo } from '../support/demo.ts'
import { Network } from '../support/network.ts'

/**
 * The life of a connection, from the first request to goodbye, with our client on one side and the demo on the other.
 */
t.test('a connection\'s whole life, from the upgrade to its removal', async (t) => {
  const { app, identity, connect: visit, logged } = await serveDemo(t, { heartbeat: { interval: 1200, timeout: 1000 } })
  const network = await Network.open(t, (app.server.address() as AddressInfo).port)
  const ann = await identity('ann')
  const bob = await visit('bob', 'chat/lobby')
  const states: string[] = []

  // It authenticates before the switch, with a token that is asked for at each attempt.
  let attempts = 0
  const client = connect<typeof chat>(`ws://127.0.0.1:${network.port}/ws/chat`, {
    WebSocket,
    token: () => { attempts++; return ann.token }
  })
  client.onState((state) => states.push(state))

  // It joins, and finds who is there.
  const lobby = await client.join('chat/:room', { room: 'lobby' }, { onResync: () => {} })
  t.strictSame(lobby.presence.map(({ data }) => data.name), ['bob', 'ann'])
  t.match(await bob.client.next('presence'), { payload: { joined: [{ user: ann.userId, data: { name: 'ann' } }] } })

  // It exchanges.
  const heard = new Promise((resolve) => lobby.on('message.posted', resolve))
  const { id } = await lobby.send('message.send', { text: 'hello bob' })
  t.match(await bob.client.next('message.posted'), { payload: { id, name: 'ann', text: 'hello bob' } })
  t.match(await heard, { id }, 'its own copy is like all others')

  // It loses the network without a word: the server notices, and tells the room.
  network.freeze()
  t.match(await logged('connection closed'), { code: 1006, user: ann.userId })
  t.match(await bob.client.next('presence'), { payload: { left: [ann.userId] } })
  t.equal(app.registry.ofUser(ann.userId).length, 0)
  t.equal(app.heartbeat.terminated, 1)

  // It comes back by itself, with a new token, into the same rooms.
  const again = new Promise<void>((resolve) => { client.onState((state) => { if (state === 'open') resolve() }) })
  network.cut()
  await again
  t.match(await bob.client.next('presence'), { payload: { joined: [{ user: ann.userId }] } })
  t.equal(attempts, 2)
  await lobby.send('message.send', { text: 'back again' })
  t.match(await bob.client.next('message.posted'), { payload: { text: 'back again' } })

  // It leaves, and hears no more of the room.
  await lobby.leave()
  t.match(await bob.client.next('presence'), { payload: { left: [ann.userId] } })
  t.equal(app.registry.ofUser(ann.userId)[0]?.channels.size, 0)

  // It says goodbye.
  client.close()
  t.equal(client.state, 'closed')
  t.strictSame(states, ['open', 'connecting', 'recovering', 'open', 'closed'])
})

t.test('heartbeat: a vanished client is removed within interval and timeout', async (t) => {
  const interval = 1500
  const timeout = 1000
  const { app, connect: visit, logged } = await serveDemo(t, { heartbeat: { interval, timeout } })
  const ann = await visit('ann', 'chat/lobby')
  await visit('bob', 'chat/lobby')
  ann.client.webSocket.pause()
  const since = Date.now()
  t.match(await logged('connection closed'), { code: 1006, user: ann.userId })
  t.comment(`gone after ${Date.now() - since} ms of ${interval + timeout}`)
  t.equal(app.registry.size, 1)
  t.equal(await app.rooms.of((await import('../../routes/chat/chat.contract.ts')).chat, { room: 'lobby' }).count(), 1)
  ann.client.terminate()
})
