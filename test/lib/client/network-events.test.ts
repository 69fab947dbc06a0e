import { setImmediate } from 'node:timers/promises'
import { transformSync } from 'esbuild'
import t from 'tap'
import type { NetworkEventSource } from '../../../lib/client/index.ts'
import { startDoc, typesOf } from '../../support/doc-client.ts'
import { readPage } from '../../support/docs/page.ts'

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

async function startIn (source: FakeWindow) {
  const started = startDoc({ networkEvents: source })
  return { ...started, socket: await started.open() }
}

t.test('network events: a wait to reconnect ends', async (t) => {
  for (const type of ['online', 'pageshow', 'visibilitychange']) {
    t.test(`with ${type}`, async (t) => {
      const source = new FakeWindow()
      const { network, clock } = await startIn(source)
      network.last.end(1006)
      source.happen(type)
      await setImmediate()
      t.equal(network.sockets.length, 2)
      source.happen(type)
      clock.advance(500)
      await setImmediate()
      t.equal(network.sockets.length, 2, 'one attempt at a time')
    })
  }

  t.test('no second attempt after the wait has ended by itself', async (t) => {
    const source = new FakeWindow()
    const { network, clock } = await startIn(source)
    network.last.end(1006)
    clock.advance(500)
    source.happen('online')
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })

  t.test('not while the page is hidden', async (t) => {
    const source = new FakeWindow()
    const { network } = await startIn(source)
    network.last.end(1006)
    source.document.visibilityState = 'hidden'
    source.happen('visibilitychange')
    await setImmediate()
    t.equal(network.sockets.length, 1)
    source.happen('online')
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })
})

t.test('network events: an open connection is probed with a ping', async (t) => {
  const source = new FakeWindow()
  const { socket, clock, client } = await startIn(source)
  source.happen('pageshow')
  t.strictSame(typesOf(socket), ['ping'])
  clock.advance(9_999)
  t.equal(client.state, 'open')
  clock.advance(1)
  t.equal(client.state, 'connecting')
})

t.test('network events: a closed client has no listeners left', async (t) => {
  const source = new FakeWindow()
  const { client, network } = await startIn(source)
  t.equal(source.listeners, 4)
  client.close()
  t.equal(source.listeners, 0)
  source.happen('online')
  await setImmediate()
  t.equal(network.sockets.length, 1)
  t.strictSame(typesOf(network.last), [])
})

t.test('network events: the window is the default source in a browser', async (t) => {
  const source = new FakeWindow()
  t.teardown(() => Reflect.deleteProperty(globalThis, 'window'))
  Reflect.set(globalThis, 'window', source)
  const { network, open } = startDoc()
  await open()
  network.last.end(1006)
  source.happen('online')
  await setImmediate()
  t.equal(network.sockets.length, 2)
})

t.test('network events: React Native, as docs/client.md says, wakes the client when the app is active', async (t) => {
  const listeners = new Set<(state: string) => void>()
  const appState = {
    addEventListener (_type: 'change', listener: (state: string) => void) {
      listeners.add(listener)
      return { remove: () => listeners.delete(listener) }
    }
  }
  const { code } = readPage('docs/client.md').blocks.find(({ code }) => code.includes('AppState'))!
  const run = `${transformSync(code, { loader: 'ts' }).code}; return networkEvents`
  // eslint-disable-next-line no-new-func
  const networkEvents: NetworkEventSource = Function('AppState', 'connect', run)(appState, () => {})
  const { open, network, client } = startDoc({ networkEvents })
  await open()
  network.last.end(1006)
  for (const listener of listeners) listener('background')
  await setImmediate()
  t.equal(network.sockets.length, 1, 'not in the background')
  for (const listener of listeners) listener('active')
  await setImmediate()
  t.equal(network.sockets.length, 2)
  client.close()
  t.equal(listeners.size, 0, 'no subscription is left')
})
