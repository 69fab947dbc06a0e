import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { runClientFlow } from '../support/platforms/client-flow.ts'
import { programs, runFlow } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'

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
