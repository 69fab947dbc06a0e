import { join } from 'node:path'
import t from 'tap'
import { run } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'
import { root } from '../support/root.ts'
import { runtimePath } from '../support/versions/runtimes.ts'

// `npm run test:clients`: not part of `npm test`, because it installs runtimes. There the same flow runs with `ws` and
// in Chromium.

t.setTimeout(600_000)

const runtimes = [
  // The flag is for Node.js 20. Later versions have the class without it.
  ['Node.js 20 with its experimental WebSocket', 'node20', ['--experimental-websocket', '--no-warnings']],
  ['Node.js 22', 'node22', []],
  ['Node.js 24', 'node24', []],
  ['Bun', 'bun', []],
  ['Deno', 'deno', ['run', '--allow-all']]
] as const

const program = join(root, 'dist/test/support/platforms/flow-program.js')

for (const [name, runtime, args] of runtimes) {
  t.test(`client: the same flow as on every platform, with the WebSocket of ${name}`, async (t) => {
    const { url, tokens } = await serveTalk(t)
    const { output, complaint, code } = await run(t, {
      command: runtimePath(runtime), args: [...args, program]
    }, { CHANNELS_URL: `${url}/ws`, CHANNELS_ROOM: 'own', ...tokens })
    const lines = output.trim().split('\n')
    for (const line of lines) t.match(line, /^(ok |done)/)
    t.equal(lines.at(-1), 'done', complaint.slice(-2_000) || 'every step is passed')
    t.equal(code, 0, 'the program ends by itself')
  })
}
