import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import t from 'tap'
import { root } from '../support/root.ts'

// The short form of `npm run test:package`: both builds of the package, packed and unpacked again.

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly files: readonly string[]
  readonly scripts: { readonly 'build:cjs': string }
}

/** An application's folder with the packed package. Its dependencies are those of this repository. */
const folder = mkdtempSync(join(root, 'dist/package-'))
const unpacked = join(folder, 'node_modules/fastify-channels')
t.teardown(() => rmSync(folder, { recursive: true }))

t.before(() => {
  const run = (command: string, args: string[], cwd = root) =>
    execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 2] })
  // Not by `npm run`, which takes half a second of CPU time.
  run('sh', ['-c', manifest.scripts['build:cjs']])
  // `npm pack` reads all that is beside the package: here, that is only what can be in it.
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  const paths = [...manifest.files.filter((path) => !path.startsWith('!')), 'package.json', 'README.md', 'LICENSE']
  run('sh', ['-c', `tar -cf - ${paths.join(' ')} | tar -xf - -C '${copy}'`])
  const [{ filename }] = JSON.parse(
    `${run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], copy)}`
  ) as [{ filename: string }]
  mkdirSync(unpacked, { recursive: true })
  run('tar', ['-xzf', join(folder, filename), '-C', unpacked, '--strip-components=1'])
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

t.test('package: publint finds nothing to improve', async (t) => {
  const { messages } = await publint({ pkgDir: unpacked, pack: false })
  t.strictSame(messages, [])
})

t.test('package: its command writes the document of a CommonJS application, and ends', async (t) => {
  writeFileSync(join(folder, 'app.cjs'), `
    const { channels, defineChannel, implement } = require('fastify-channels')
    const bells = defineChannel({ pattern: 'bells', fromClient: {}, fromServer: { rang: {} } })
    module.exports = async (app) => {
      setInterval(() => {}, 1_000)
      await app.register(channels)
      app.ws('/ws', { public: true }, [implement(bells, { on: {} })])
    }
  `)
  const cli = join(unpacked, 'dist/lib/cli.js')
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, 'asyncapi', 'app.cjs'], {
    cwd: folder, encoding: 'utf8', timeout: 60_000
  })
  t.strictSame({ stderr, status }, { stderr: '', status: 0 })
  t.match(JSON.parse(stdout), { asyncapi: '3.1.0', channels: { 'ws.bells': { address: 'bells' } } })
})

t.test('package: the ESM and the CommonJS build serve contracts of each other', async (t) => {
  const program = join(folder, 'two-builds.js')
  copyFileSync(join(root, 'dist/test/support/package/two-builds.js'), program)
  const { stderr, status } = spawnSync(process.execPath, [program], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.equal(status, 0)
})
