import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { WebSocket } from 'ws'
import { runClientFlow } from '../support/platforms/client-flow.ts'
import { programs, run, runFlow } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'
import { cases } from '../support/long-form.ts'
import { root } from '../support/root.ts'

const program = {
  command: process.execPath,
  // The flag is for Node.js 20. Later versions have the class without it, and accept the flag.
  args: ['--experimental-websocket', '--no-warnings', join(programs, 'flow.mjs')]
}

t.test('clients: the WebSocket of Node.js speaks the main flow of the protocol', async (t) => {
  await runFlow(t, await serveTalk(t), program)
})

t.test('clients: the WebSocket of Node.js speaks the main flow with compression', async (t) => {
  await runFlow(t, await serveTalk(t, { websocket: { options: { perMessageDeflate: { threshold: 0 } } } }), program)
})

t.test('client: the same flow as on every platform, with ws', async (t) => {
  const { url, tokens } = await serveTalk(t)
  await runClientFlow({ url: `${url}/ws`, room: 'ws', tokens, WebSocket }, (step) => t.pass(step))
})

const platforms = join(root, 'dist/test/support/platforms')

t.test('client: a thread that is blocked for longer than heartbeat and timeout loses no connection', async (t) => {
  const { url, tokens } = await serveTalk(t)
  const blocks = cases(50, 3)
  const worker = new Worker(join(platforms, 'blocked-worker.js'), {
    workerData: { url: `${url}/ws`, room: 'blocked', token: tokens['ANN'], blocks, speed: 20 }
  })
  const [result] = await once(worker, 'message')
  t.strictSame(result, { states: [], answered: 5 * blocks })
})

t.test('client: the same flow as on every platform, with what React Native before 0.80 has', async (t) => {
  const { url, tokens } = await serveTalk(t)
  const { output, complaint, code } = await run(t, {
    command: process.execPath,
    args: ['--import', join(platforms, 'react-native.js'), join(platforms, 'flow-program.js')]
  }, { CHANNELS_URL: `${url}/ws`, CHANNELS_ROOM: 'react-native', ...tokens })
  t.match(output, /\ndone\n$/, complaint.slice(-2_000) || 'every step is passed')
  t.equal(code, 0)
})
