import t from 'tap'
import type { AdapterEvents } from '../../lib/cluster/events.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { systemClock, type Clock } from '../../lib/clock.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { AdapterLog, deaf, Entries } from '../support/conformance/adapter-history.ts'
import { LossyHub } from '../support/conformance/beneath.ts'
import { logProperty } from '../support/conformance/history-property.ts'
import { mergeProperty } from '../support/conformance/merge-property.ts'

/** In a server the sockets keep the process alive; here it is the short timers that are waited for. */
const patientClock: Clock = { ...systemClock, setTimeout: (fn, ms) => ms <= 3_000 ? setTimeout(fn, ms) : systemClock.setTimeout(fn, ms) }

t.test('the memory adapter', async (t) => {
  adapterConformance(t, (nodes) => {
    const hub = new MemoryHub(patientClock)
    return {
      adapters: Array.from({ length: nodes }, () => new MemoryAdapter(hub)),
      close: async () => { t.equal(hub.nodes.size, 0, 'no node is left') }
    }
  })
})

t.test('10,000 histories of a log are as the model says', async () => {
  const hub = new MemoryHub()
  await logProperty([new MemoryAdapter(hub), new MemoryAdapter(hub)], 10_000, 1)
})

t.test('10,000 times a node follows a log through loss, disorder, failed reads, failovers and a lost log', async (t) => {
  const hub = new LossyHub()
  const nodes = [new MemoryAdapter(hub), new MemoryAdapter(hub)] as const
  const entries = new Entries()
  nodes[1].start({ ...deaf, ...entries.receiver })
  let channels = 0
  const { members, resyncs } = await mergeProperty(() => AdapterLog.open(`${++channels}`, nodes, entries, hub), 10_000, 1)
  t.ok(members > 10_000 && resyncs > 1_000, `${members} members, ${resyncs} times begun anew`)
})

/** Tells its node a turn later, as anything beyond the process does. */
class LateAdapter extends MemoryAdapter {
  override start (receiver: AdapterEvents): void {
    super.start({
      ...receiver,
      message: (...told) => { setImmediate(() => receiver.message(...told)) },
      presenceChanged: (...told) => { setImmediate(() => receiver.presenceChanged(...told)) },
      entryAppended: (...told) => { setImmediate(() => receiver.entryAppended(...told)) },
      revoked: (...told) => { setImmediate(() => receiver.revoked(...told)) }
    })
  }
}

t.test('the suite waits for an adapter that takes its time', async (t) => {
  adapterConformance(t, async (nodes) => {
    const hub = new MemoryHub(patientClock)
    return { adapters: Array.from({ length: nodes }, () => new LateAdapter(hub)) }
  })
})

t.test('a memory adapter that never started closes like any other', async (t) => {
  await t.resolves(new MemoryAdapter().close())
})
