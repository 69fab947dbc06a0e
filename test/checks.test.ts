import './support/without-coverage.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { root } from './support/root.ts'

// Tools that check the sources and run nothing of them. They stand among the tests, because they take one core each and
// run beside tests that wait.

const checks: ReadonlyArray<readonly [name: string, bin: string, ...args: string[]]> = [
  ['eslint', 'eslint/bin/eslint.js', '.'],
  ['knip', 'knip/bin/knip.js'],
  ['tstyche', 'tstyche/dist/bin.js', '--config', 'test/types/tstyche.json']
]

for (const [name, bin, ...args] of checks) {
  t.test(`checks: ${name} finds nothing`, { timeout: 300_000 }, async (t) => {
    const command = [join(root, 'node_modules', bin), ...args]
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => child.kill())
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += String(chunk) })
    const [code] = await once(child, 'close')
    if (code !== 0) t.comment(output)
    t.equal(code, 0, 'it ends without an error')
  })
}
