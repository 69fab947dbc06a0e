import t from 'tap'
import { ReceiveQueue, type Task } from '../../../lib/server/session/receive-queue.ts'

/** A task that runs until `finish` is called. */
function job (name: string, trace: string[]): { task: Task, finish: () => Promise<void> } {
  const { promise, resolve } = withResolvers()
  const task = async () => { trace.push(`${name} begins`); await promise; trace.push(`${name} ends`) }
  return { task, finish: async () => { resolve(); await new Promise(setImmediate) } }
}

function withResolvers (): { promise: Promise<void>, resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((_resolve) => { resolve = _resolve })
  return { promise, resolve }
}

function makeQueue (limit: number) {
  const calls: string[] = []
  const queue = new ReceiveQueue({ pause () { calls.push('pause') }, resume () { calls.push('resume') } }, limit)
  return { queue, calls }
}

t.test('receive queue: the tasks of one channel run one after another, in order', async (t) => {
  const { queue } = makeQueue(10)
  const trace: string[] = []
  const [a, b] = [job('a', trace), job('b', trace)]
  queue.push('x', a.task)
  queue.push('x', () => { trace.push('sync') })
  queue.push('x', b.task)
  t.strictSame(trace, ['a begins'])
  await a.finish()
  t.strictSame(trace, ['a begins', 'a ends', 'sync', 'b begins'])
  await b.finish()
  queue.push('x', () => { trace.push('later') })
  t.strictSame(trace.slice(4), ['b ends', 'later'], 'an idle channel runs a task at once')
})

t.test('receive queue: channels do not wait for each other', async (t) => {
  const { queue } = makeQueue(10)
  const trace: string[] = []
  const [a, b] = [job('a', trace), job('b', trace)]
  queue.push('x', a.task)
  queue.push('y', b.task)
  await b.finish()
  t.strictSame(trace, ['a begins', 'b begins', 'b ends'])
  await a.finish()
})

t.test('receive queue: a task that another task of the same channel pushes runs after it', async (t) => {
  const { queue } = makeQueue(10)
  const trace: string[] = []
  const inner = job('inner', trace)
  queue.push('x', () => {
    queue.push('x', inner.task)
    queue.push('x', () => { trace.push('last') })
    trace.push('outer')
  })
  await inner.finish()
  t.strictSame(trace, ['outer', 'inner begins', 'inner ends', 'last'])
  queue.push('x', async () => {
    queue.push('x', () => { trace.push('after') })
    await null
    trace.push('async outer')
  })
  await new Promise(setImmediate)
  t.strictSame(trace.slice(4), ['async outer', 'after'])
})

t.test('receive queue: synchronous tasks never pause the socket', async (t) => {
  const { queue, calls } = makeQueue(2)
  for (let i = 0; i < 10; i++) queue.push('x', () => {})
  t.strictSame(calls, [])
})

t.test('receive queue: a full queue pauses the socket once, and resumes it at half of the limit', async (t) => {
  const { queue, calls } = makeQueue(4)
  const jobs = Array.from({ length: 6 }, (_, i) => job(`${i}`, []))
  for (const { task } of jobs.slice(0, 3)) queue.push('x', task)
  t.strictSame(calls, [], 'not paused one below the limit')
  for (const { task } of jobs.slice(3)) queue.push('y', task)
  t.strictSame(calls, ['pause'])
  for (const [done, { finish }] of jobs.entries()) {
    await finish()
    t.strictSame(calls, done + 1 < 4 ? ['pause'] : ['pause', 'resume'], `${jobs.length - done - 1} left`)
  }
  for (const { task } of Array.from({ length: 4 }, () => job('more', []))) queue.push('z', task)
  t.strictSame(calls, ['pause', 'resume', 'pause'], 'paused again when the queue is full again')
})
