import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { root } from './support/root.ts'

// The `*.tst.ts` files. This test stands here and not in test/types, whose tests share a process: it takes a core of
// its own, and runs beside tests that wait.

t.test('type tests: tstyche finds nothing', { timeout: 300_000 }, async (t) => {
  const command = [join(root, 'node_modules/tstyche/dist/bin.js'), '--config', 'test/types/tstyche.json']
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill())
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += String(chunk) })
  const [code] = await once(child, 'close')
  if (code !== 0) t.comment(output)
  t.equal(code, 0, 'it ends without an error')
})
