import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { AdapterHistory, EntryRouter, noEvents } from '../support/conformance/adapter-history.ts'
import { LossyHub } from '../support/conformance/history-storage.ts'
import { historyProperty } from '../support/conformance/history-property.ts'
import { mergeProperty } from '../support/conformance/merge-property.ts'
import { cases } from '../support/long-form.ts'

/** In milliseconds: 10,000 runs take longer than the 30 s that tap allows a test. */
const timeout = 300_000
t.setTimeout(timeout)

const runs = cases(10_000, 600)

t.test('memory adapter: random histories equal those of the model', { timeout }, async () => {
  const hub = new MemoryHub()
  await historyProperty([new MemoryAdapter(hub), new MemoryAdapter(hub)], runs, 1)
})

t.test('memory adapter: histories arrive in order despite loss and failovers', { timeout }, async (t) => {
  const hub = new LossyHub()
  const nodes = [new MemoryAdapter(hub), new MemoryAdapter(hub)] as const
  const router = new EntryRouter()
  nodes[1].start({ ...noEvents, ...router.receiver })
  let channels = 0
  const open = () => AdapterHistory.open(`${++channels}`, nodes, router, hub)
  const { members, resyncs } = await mergeProperty(open, runs, 1)
  t.ok(members > runs && resyncs > runs / 60, `${members} members, ${resyncs} resyncs`)
})
