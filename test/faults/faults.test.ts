import t from 'tap'
import { brokenIn } from './checker/checker.ts'
import { faultsNamed } from './kinds/all.ts'
import { Rig } from './rig/rig.ts'

// The short form of `npm run test:faults`: four faults in turn on one rig. Order and counts are asserted, and times are
// only told, because other tests run at the same time.

const size = { clients: 18, channels: 6, rate: 24, processes: 1 }
const seed = 1
/** Longer than the time after which a node notices that Redis is silent. */
const longestMs = 4_000

t.test('faults: nothing is lost, doubled or reordered', async (t) => {
  const rig = await Rig.start(size, seed)
  t.teardown(() => rig.end())
  for (const fault of faultsNamed(['node-killed', 'redis-killed', 'node-cut', 'readers-stop'])) {
    await t.test(`faults: ${fault.name}`, async (t) => {
      const { verdict } = await rig.run({ ...fault, lastsMs: Math.min(fault.lastsMs, longestMs) }, seed)
      await rig.restore()
      const { acked, delivered, ack, recovery, presenceMs } = verdict
      t.comment(`${acked} acked, ${delivered} delivered, p99 of acks ${ack.p99} ms, of recovery ${recovery.p99} ms, ` +
        `presence right after ${Math.round(presenceMs)} ms`)
      t.strictSame(brokenIn(verdict), [])
      t.ok(acked > 0 && delivered > acked, 'messages flowed')
    })
  }
})
