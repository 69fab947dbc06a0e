import t from 'tap'
import type { AdapterEvents } from '../../lib/cluster/events.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'

t.test('memory adapter: it passes the adapter conformance suite', async (t) => {
  adapterConformance(t, (nodes) => {
    const clock = new FakeClock()
    const hub = new MemoryHub(clock)
    return {
      clock,
      adapters: Array.from({ length: nodes }, () => new MemoryAdapter(hub)),
      close: async () => { t.equal(hub.nodes.size, 0, 'no node is left on the hub') }
    }
  })
})

/** Reports events in a later iteration of the event loop, as an adapter with a network does. */
class LateAdapter extends MemoryAdapter {
  override start (events: AdapterEvents): void {
    super.start({
      ...events,
      message: (...args) => { setImmediate(() => events.message(...args)) },
      presenceChanged: (...args) => { setImmediate(() => events.presenceChanged(...args)) },
      entriesAppended: (...args) => { setImmediate(() => events.entriesAppended(...args)) },
      revoked: (...args) => { setImmediate(() => events.revoked(...args)) }
    })
  }
}

t.test('adapter conformance suite: it waits for an adapter that reports its events later', async (t) => {
  adapterConformance(t, async (nodes) => {
    const clock = new FakeClock()
    const hub = new MemoryHub(clock)
    return { clock, adapters: Array.from({ length: nodes }, () => new LateAdapter(hub)) }
  })
})

t.test('memory adapter: close() resolves on an adapter that was never started', async (t) => {
  await t.resolves(new MemoryAdapter().close())
})
