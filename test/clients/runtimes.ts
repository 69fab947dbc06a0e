import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { run, type Program } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'
import { bundleReactNative } from '../support/platforms/react-native-source.ts'
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

const platforms = join(root, 'dist/test/support/platforms')
const program = join(platforms, 'flow-program.js')

async function expectFlow (t: Test, { env, ...rest }: Program): Promise<void> {
  const { url, tokens } = await serveTalk(t)
  const variables = { CHANNELS_URL: `${url}/ws`, CHANNELS_ROOM: 'own', ...env, ...tokens }
  const { output, complaint, code } = await run(t, rest, variables)
  const lines = output.trim().split('\n')
  for (const line of lines) t.match(line, /^(ok |done)/)
  t.equal(lines.at(-1), 'done', complaint.slice(-2_000) || 'every step is passed')
  t.equal(code, 0, 'the program ends by itself')
}

for (const [name, runtime, args] of runtimes) {
  t.test(`client: the same flow as on every platform, with the WebSocket of ${name}`, async (t) => {
    await expectFlow(t, { command: runtimePath(runtime), args: [...args, program] })
  })
}

for (const version of ['0.72', '0.76', '0.82', '0.88']) {
  t.test(`client: the same flow as on every platform, with WebSocket and URL of React Native ${version}`, async (t) => {
    const env = { REACT_NATIVE_BUNDLE: await bundleReactNative(version) }
    const args = ['--import', join(platforms, 'react-native.js'), program]
    await expectFlow(t, { command: process.execPath, args, env })
  })
}

t.test('client: the compiler of Hermes, the engine of React Native, takes it', async (t) => {
  const folder = t.testdir()
  const [bundle, bytecode] = [join(folder, 'client.js'), join(folder, 'client.hbc')]
  await build({ entryPoints: [join(root, 'lib/client/index.ts')], bundle: true, format: 'iife', outfile: bundle })
  execFileSync(runtimePath('hermesc'), ['-w', '-emit-binary', '-out', bytecode, bundle])
  t.ok(readFileSync(bytecode).length > 0)
})
