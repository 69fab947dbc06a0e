import t from 'tap'
import type { AdapterEvents } from '../../lib/cluster/events.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { AdapterLog, deaf, Entries } from '../support/conformance/adapter-history.ts'
import { LossyHub } from '../support/conformance/beneath.ts'
import { logProperty } from '../support/conformance/history-property.ts'
import { mergeProperty } from '../support/conformance/merge-property.ts'

t.test('memory adapter: it passes the conformance suite', async (t) => {
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

t.test('memory adapter: 10,000 random histories behave like the model', async () => {
  const hub = new MemoryHub()
  await logProperty([new MemoryAdapter(hub), new MemoryAdapter(hub)], 10_000, 1)
})

t.test('memory adapter: a node follows 10,000 histories through loss, disorder and failovers', async (t) => {
  const hub = new LossyHub()
  const nodes = [new MemoryAdapter(hub), new MemoryAdapter(hub)] as const
  const entries = new Entries()
  nodes[1].start({ ...deaf, ...entries.receiver })
  let channels = 0
  const open = () => AdapterLog.open(`${++channels}`, nodes, entries, hub)
  const { members, resyncs } = await mergeProperty(open, 10_000, 1)
  t.ok(members > 10_000 && resyncs > 1_000, `${members} members, ${resyncs} resyncs`)
})

/** Reports events in a later turn of the event loop, as an adapter with a network does. */
class LateAdapter extends MemoryAdapter {
  override start (events: AdapterEvents): void {
    super.start({
      ...events,
      message: (...args) => { setImmediate(() => events.message(...args)) },
      presenceChanged: (...args) => { setImmediate(() => events.presenceChanged(...args)) },
      entryAppended: (...args) => { setImmediate(() => events.entryAppended(...args)) },
      revoked: (...args) => { setImmediate(() => events.revoked(...args)) }
    })
  }
}

t.test('conformance suite: it waits for an adapter that reports events later', async (t) => {
  adapterConformance(t, async (nodes) => {
    const clock = new FakeClock()
    const hub = new MemoryHub(clock)
    return { clock, adapters: Array.from({ length: nodes }, () => new LateAdapter(hub)) }
  })
})

t.test('memory adapter: it closes without having started', async (t) => {
  await t.resolves(new MemoryAdapter().close())
})
