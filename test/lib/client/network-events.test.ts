import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { startDoc, joinDoc, typesOf } from '../../support/doc-client.ts'

/** A window that the test opens, hides and connects. */
class FakeWindow extends EventTarget {
  readonly document = { visibilityState: 'visible' }
  listeners = 0

  override addEventListener (type: string, listener: () => void): void {
    this.listeners++
    super.addEventListener(type, listener)
  }

  override removeEventListener (type: string, listener: () => void): void {
    this.listeners--
    super.removeEventListener(type, listener)
  }

  happen (type: string): void {
    this.dispatchEvent(new Event(type))
  }
}

async function startIn (wake: FakeWindow) {
  const started = startDoc({ networkEvents: wake })
  return { ...started, socket: await started.open() }
}

t.test('a wait to reconnect ends', async (t) => {
  for (const type of ['online', 'pageshow', 'visibilitychange']) {
    t.test(`with ${type}`, async (t) => {
      const wake = new FakeWindow()
      const { network, clock } = await startIn(wake)
      network.last.end(1006)
      wake.happen(type)
      await setImmediate()
      t.equal(network.sockets.length, 2)
      wake.happen(type)
      clock.advance(500)
      await setImmediate()
      t.equal(network.sockets.length, 2, 'one attempt at a time')
    })
  }

  t.test('not one that has ended by itself', async (t) => {
    const wake = new FakeWindow()
    const { network, clock } = await startIn(wake)
    network.last.end(1006)
    clock.advance(500)
    wake.happen('online')
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })

  t.test('not with a page that is hidden', async (t) => {
    const wake = new FakeWindow()
    const { network } = await startIn(wake)
    network.last.end(1006)
    wake.document.visibilityState = 'hidden'
    wake.happen('visibilitychange')
    await setImmediate()
    t.equal(network.sockets.length, 1)
    wake.happen('online')
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })
})

t.test('a connection that is there is looked at', async (t) => {
  const wake = new FakeWindow()
  const { socket, clock, client } = await startIn(wake)
  wake.happen('pageshow')
  t.strictSame(typesOf(socket), ['ping'])
  clock.advance(9_999)
  t.equal(client.state, 'open')
  clock.advance(1)
  t.equal(client.state, 'connecting')
})

t.test('nothing is listened to when the client is closed', async (t) => {
  const wake = new FakeWindow()
  const { client, network } = await startIn(wake)
  t.equal(wake.listeners, 3)
  client.close()
  t.equal(wake.listeners, 0)
  wake.happen('online')
  await setImmediate()
  t.equal(network.sockets.length, 1)
  t.strictSame(typesOf(network.last), [])
})

t.test('in a browser the window is the default', async (t) => {
  const wake = new FakeWindow()
  t.teardown(() => Reflect.deleteProperty(globalThis, 'window'))
  Reflect.set(globalThis, 'window', wake)
  const { network, open } = startDoc()
  await open()
  network.last.end(1006)
  wake.happen('online')
  await setImmediate()
  t.equal(network.sockets.length, 2)
})

t.test('a server that goes away asks for another connection', async (t) => {
  t.test('which is made after a random part of the time it gives', async (t) => {
    const { socket, clock, network, states, open, doc } = await joinDoc(undefined, { random: () => 0.25 })
    socket.say({ type: 'reconnect', payload: { delay: 8000 } })
    clock.advance(1999)
    t.equal(socket.closedWith, undefined)
    clock.advance(1)
    t.equal(socket.closedWith, 1000)
    const next = await open()
    t.equal(network.sockets.length, 2)
    t.strictSame(typesOf(next), ['join'], doc.address)
    t.strictSame(states, ['open', 'connecting', 'recovering'])
  })

  t.test('at once, where it gives none', async (t) => {
    const { socket, clock } = await joinDoc()
    socket.say({ type: 'reconnect' })
    clock.advance(0)
    t.equal(socket.closedWith, 1000)
  })

  t.test('the latest word counts, and none once the connection is lost', async (t) => {
    const { socket, clock, network, open } = await joinDoc()
    socket.say({ type: 'reconnect', payload: { delay: 100 } })
    socket.say({ type: 'reconnect', payload: { delay: 1000 } })
    clock.advance(100)
    t.equal(socket.closedWith, undefined)
    socket.end(1012)
    clock.advance(500)
    await open()
    clock.advance(1000)
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })

  t.test('a client that is closed by then makes none', async (t) => {
    const { socket, clock, client, network } = await joinDoc()
    client.onState(() => client.close())
    socket.say({ type: 'reconnect', payload: { delay: 0 } })
    clock.advance(0)
    await setImmediate()
    t.equal(network.sockets.length, 1)
    t.equal(clock.pending, 0)
  })
})
