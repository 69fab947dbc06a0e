import t from 'tap'
import { CoalescedTask } from '../../lib/coalesced-task.ts'

/** Counts the runs of a task, and the most that ran at a time. */
function countedTask () {
  const counts = { runs: 0, most: 0 }
  let running = 0
  const task = new CoalescedTask(async () => {
    counts.runs++
    counts.most = Math.max(counts.most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
  })
  return { counts, task }
}

t.test('coalesced task: calls during a run share one further run', async (t) => {
  const { counts, task } = countedTask()
  await Promise.all([task.run(), task.run(), task.run()])
  t.strictSame(counts, { runs: 2, most: 1 })
})

t.test('coalesced task: a call between two runs shares the second one', async (t) => {
  const { counts, task } = countedTask()
  const first = task.run()
  const between = first.then(() => task.run())
  await Promise.all([first, task.run(), between])
  t.strictSame(counts, { runs: 2, most: 1 })
})
