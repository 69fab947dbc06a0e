import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import t, { type Test } from 'tap'
import { runCommand } from '../../../lib/tools/run-command.ts'
import { root } from '../../support/root.ts'

/** A folder with these files, from which the packages of this repository can be imported, and this one as well. */
function project (t: Test, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(root, 'dist/project-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/fastify-channels'))
  return folder
}

const esm = { 'package.json': '{ "type": "module" }', 'routes/root.js': '', 'test/helper.js': '' }

/** As `app.js` and `test/helper.js` of fastify-cli do: plugins for all, and routes with the name of their folder. */
const helper = `
import fastify from 'fastify'
import plugin from '../plugins/channels.js'
import routes from '../routes/order-events/index.js'
export async function build (t) {
  const app = fastify()
  app.register(plugin)
  app.register(routes, { prefix: '/order-events' })
  t.after(() => app.close())
  return app
}`

async function generate (folder: string, ...args: readonly string[]) {
  const texts = { out: '', error: '' }
  const code = await runCommand(['generate', ...args, '--dir', folder], {
    write: async (text) => { texts.out += text },
    writeError: async (text) => { texts.error += text }
  })
  return { code, ...texts }
}

t.test('generate: a channel has a contract, handlers, a route and a test that passes', async (t) => {
  const folder = project(t, { ...esm, 'test/helper.js': helper })
  const { code, out, error } = await generate(folder, 'channel', 'order-events')
  t.strictSame({ code, error }, { code: 0, error: '' })
  const paths = [...out.matchAll(/^wrote (.*)$/gm)].map(([, path]) => path)
  t.strictSame(paths, [
    'plugins/channels.js', 'routes/order-events/order-events.contract.js',
    'routes/order-events/order-events.handlers.js', 'routes/order-events/index.js', 'test/routes/order-events.test.js'
  ])
  t.match(out, 'Next:\n  1. npm install fastify-channels @sinclair/typebox\n')
  const { stdout, status } = spawnSync(process.execPath, ['test/routes/order-events.test.js'], {
    cwd: folder, encoding: 'utf8', env: { ...process.env, NODE_V8_COVERAGE: '' }
  })
  t.equal(status, 0, stdout)
  t.match(stdout, /^# pass 2$/m)
})

t.test('generate: a second channel registers nothing twice, and no file is changed', async (t) => {
  const folder = project(t, { ...esm, 'plugins/realtime.js': "import { channels } from 'fastify-channels'" })
  const first = await generate(folder, 'channel', 'chat')
  t.match(first.out, 'The file plugins/realtime.js registers fastify-channels already.')
  t.strictSame(readdirSync(join(folder, 'plugins')), ['realtime.js'])
  const before = readFileSync(join(folder, 'routes/chat/index.js'), 'utf8')
  t.strictSame(await generate(folder, 'channel', 'chat'), {
    code: 2, out: '', error: "the file 'routes/chat/chat.contract.js' exists: choose another name, or remove it\n"
  })
  t.equal(readFileSync(join(folder, 'routes/chat/index.js'), 'utf8'), before)
  const app = project(t, { ...esm, 'app.js': "app.register(require('fastify-channels'))" })
  t.match((await generate(app, 'channel', 'chat')).out, 'The file app.js registers')
})

const typescript = { 'src/routes/root.ts': '', 'test/helper.ts': '' }
const strips = '{ "compilerOptions": { "allowImportingTsExtensions": true } }'

/** Each kind of project, and lines of its files that show it. */
const layouts: ReadonlyArray<readonly [name: string, files: Record<string, string>, lines: Record<string, string>]> = [
  ['JavaScript, CommonJS', { 'package.json': '{}', 'routes/root.js': '', 'test/helper.js': '' }, {
    'routes/chat/chat.contract.js': 'module.exports = { chatChannel }',
    'routes/chat/chat.handlers.js': "const { chatChannel } = require('./chat.contract')",
    'routes/chat/index.js': 'const routes = async (fastify) => {',
    'test/routes/chat.test.js': "const assert = require('node:assert')"
  }],
  ['JavaScript, ESM', esm, {
    'routes/chat/chat.contract.js': 'export const chatChannel = defineChannel({',
    'routes/chat/chat.handlers.js': "import { chatChannel } from './chat.contract.js'",
    'test/routes/chat.test.js': "  const ann = await TestClient.inject(app, '/chat/ws')"
  }],
  ['TypeScript, CommonJS', { 'package.json': '{}', 'tsconfig.json': '{}', ...typescript }, {
    'src/plugins/channels.ts': 'export default plugin',
    'src/routes/chat/chat.handlers.ts': "import { chatChannel } from './chat.contract'",
    'src/routes/chat/index.ts': 'const routes: FastifyPluginAsync = async (fastify) => {',
    'test/routes/chat.test.ts': "import type { chatChannel } from '../../src/routes/chat/chat.contract'"
  }],
  ['TypeScript, ESM', { 'package.json': '{ "type": "module" }', 'tsconfig.json': '{}', ...typescript }, {
    'src/routes/chat/index.ts': "import { chatHandlers } from './chat.handlers.js'"
  }],
  ['TypeScript that runs as it is', { ...typescript, 'package.json': esm['package.json'], 'tsconfig.json': strips }, {
    'src/routes/chat/index.ts': "import { chatHandlers } from './chat.handlers.ts'",
    'test/routes/chat.test.ts': "import { build } from '../helper.js'"
  }]
]

t.test('generate: the files are those of the project, JavaScript or TypeScript, ESM or CommonJS', async (t) => {
  for (const [name, files, lines] of layouts) {
    const folder = project(t, files)
    const { out } = await generate(folder, 'channel', 'chat')
    for (const [, path = ''] of out.matchAll(/^wrote (.*)$/gm)) {
      const text = readFileSync(join(folder, path), 'utf8')
      t.doesNotThrow(() => transformSync(text, { loader: path.endsWith('.ts') ? 'ts' : 'js' }), `${name}: ${path}`)
      t.notMatch(text, /[‹›]|\n\n\n|undefined/, `${name}: ${path}`)
      const line = lines[path]
      if (line !== undefined) t.ok(text.split('\n').includes(line), `${name}: ${line}`)
    }
  }
  const folder = project(t, { ...esm, 'tsconfig.json': '{}' })
  t.match((await generate(folder, 'channel', 'chat', '--lang', 'js')).out, 'wrote routes/chat/index.js\n')
})

t.test('generate: it says what is wrong with a name, an option or a folder', async (t) => {
  const folder = project(t, esm)
  const name = (text: string) => `invalid name '${text}' of a channel: use at most 40 small letters and digits, with ` +
    'single hyphens between words, as in order-events\n'
  const fastifyCli = 'run the command in a project that fastify-cli generated (npx fastify-cli generate)\n'
  for (const text of ['Chat', '../chat', 'a--b', '1a', 'a-', "a'b", 'x'.repeat(41)]) {
    t.strictSame(await generate(folder, 'channel', text), { code: 2, out: '', error: name(text) })
  }
  t.equal((await generate(folder, 'chanel', 'a')).error, "unknown kind 'chanel' to generate: did you mean 'channel'?\n")
  t.equal((await generate(folder, 'channel')).error,
    "wrong number of arguments for the command 'generate': pass <kind> <name>\n")
  t.equal((await generate(folder, 'channel', 'a', '--lang', 'py')).error,
    "the value 'py' of the option '--lang': pass js or ts\n")
  t.equal((await generate(folder, 'channel', 'a', '--lang', 'ts')).error,
    `no 'test/helper.ts' in the folder '${folder}': ${fastifyCli}`)
  const empty = project(t, { 'package.json': '{}' })
  t.equal((await generate(empty, 'channel', 'a')).error, `no 'routes' in the folder '${empty}': ${fastifyCli}`)
  const none = project(t, {})
  t.match((await generate(none, 'channel', 'a')).error,
    `no valid package.json in the folder '${none}': run it in the folder of a project\n`)
})
