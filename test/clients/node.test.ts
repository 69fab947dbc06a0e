import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { runClientFlow } from '../support/platforms/client-flow.ts'
import { programs, run, runFlow } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'
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

t.test('client: the same flow as on every platform, with what React Native before 0.80 has', async (t) => {
  const { url, tokens } = await serveTalk(t)
  const platforms = join(root, 'dist/test/support/platforms')
  const { output, complaint, code } = await run(t, {
    command: process.execPath,
    args: ['--import', join(platforms, 'react-native.js'), join(platforms, 'flow-program.js')]
  }, { CHANNELS_URL: `${url}/ws`, CHANNELS_ROOM: 'react-native', ...tokens })
  t.match(output, /\ndone\n$/, complaint.slice(-2_000) || 'every step is passed')
  t.equal(code, 0)
})
