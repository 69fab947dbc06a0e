import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { root } from '../support/root.ts'
import { runtimePath } from '../support/versions/runtimes.ts'

// `npm run test:versions`: the unit tests, and those of the plugin, of foreign clients and of WebSocket frames, on each
// version of Node.js that the package supports. No browser and no cluster.

const versions = ['node20', 'node22', 'node24'] as const
const runner = join(root, 'dist/test/support/run-processes.js')
const chosen = ['unit', 'plugins', 'clients', 'rfc6455']

const results = versions.map((name) => {
  const node = runtimePath(name)
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}` }
  const { stdout } = spawnSync(node, [runner, ...chosen], {
    cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 30
  })
  const failed = stdout.split('\n').filter((line) => /^ *not ok/.test(line))
  const [total = 'no summary'] = /^# \{ total.*\}$/m.exec(stdout) ?? []
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
  process.stdout.write([`${version}: ${total}`, ...failed, ''].join('\n'))
  return failed.length === 0 && total !== 'no summary'
})
process.exit(results.every(Boolean) ? 0 : 1)
