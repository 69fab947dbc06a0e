import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import t, { type Test } from 'tap'
import { copiedCode } from '../support/api-page/copied-code.ts'
import { pages, readPage, type Page } from '../support/docs/page.ts'
import { checkSnippets } from '../support/docs/snippets.ts'
import { freePort } from '../support/free-port.ts'
import { startCluster, startRedis, startSentinel } from '../support/redis.ts'
import { root } from '../support/root.ts'

const all = pages()

/** A page with mistakes in its first and its third block. */
const wrong: Page = {
  path: 'docs/x.md',
  text: '',
  headings: [],
  prelude: 'export const one = 1',
  blocks: [
    { language: 'ts', line: 5, code: 'const two: string = one' },
    { language: 'ts', line: 9, code: '// named.ts\nexport const three = 3' },
    { language: 'ts', line: 14, code: "import { three } from './named.js'\nthree satisfies string" }
  ]
}
const copied = copiedCode()
const errors = checkSnippets([...all, wrong, copied]).sort()
const isWrong = (error: string) => error.startsWith(wrong.path)
const isCopied = (error: string) => error.startsWith(copied.path)

t.test('docs: every TypeScript and JavaScript snippet type-checks against the built package', async (t) => {
  const snippets = all.flatMap(({ blocks }) => blocks).filter(({ language }) => language === 'ts')
  t.ok(snippets.length > 40, 'there are snippets')
  t.strictSame(errors.filter((error) => !isWrong(error) && !isCopied(error)), [])
})

t.test('API page: the client code of each message of the demo type-checks', async (t) => {
  t.ok(copied.blocks.filter(({ code }) => code.includes('await channel.')).length > 5, 'there are messages')
  t.strictSame(errors.filter(isCopied), [])
})

t.test('docs: a snippet that does not compile is reported with its page and line', async (t) => {
  t.match(errors.filter(isWrong), [/^docs\/x\.md:15: /, /^docs\/x\.md:5: .*'string'/])
})

t.test('README: the first server and the first client run as printed, and Ctrl-C ends the server', async (t) => {
  const programs = readPage('README.md').blocks.filter(({ language }) => language === 'js')
  const [server = '', client = ''] = programs.map(({ code }) => code)
  const port = String(await freePort())
  const interrupt = new AbortController()
  const started = run(t, server.replaceAll('3000', port), interrupt.signal)
  const connected = run(t, client.replaceAll('3000', port))
  t.match(await connected, { code: 0, output: /^\{ id: '[\w-]+', text: 'hello' \}\n$/ })
  interrupt.abort()
  t.match(await started, { code: 0, output: '' })
})

t.test('getting started: the server, the login and the client run as printed', async (t) => {
  const port = String(await freePort())
  const files = readPage('docs/getting-started.md').blocks.flatMap(({ code }) => {
    const [, name] = /^\/\/ (\S+)\.ts\n/.exec(code) ?? []
    const script = () => transformSync(code.replaceAll('3000', port), { loader: 'ts' }).code
    return name === undefined ? [] : [[`${name}.js`, script()]]
  })
  const { output, code } = await run(t, `
    process.env.JWT_SECRET = 'x'
    await import('./start.js')
    await import('./client.js')
    process.kill(process.pid, 'SIGINT')
  `, undefined, Object.fromEntries(files) as Record<string, string>)
  t.equal(code, 0)
  const printed = output.split('\n').filter((line) => !line.startsWith('{'))
  t.strictSame(printed, ['open', 'Ann: hello', 'closed', ''])
})

t.test('docs: each way to configure Redis in docs/scaling.md connects as printed', async (t) => {
  const [redis, servers, { sentinel }] = await Promise.all([startRedis(t), startCluster(t), startSentinel(t)])
  const ports: Record<string, number> = { 6379: redis.port, 7000: servers[0]?.port as number, 26379: sentinel }
  const shown = readPage('docs/scaling.md').blocks.filter(({ code }) => code.includes('redis: {') && /\d{4}/.test(code))
  t.equal(shown.length, 3, 'a URL, Sentinels and a Cluster are shown')
  for (const { code } of shown) {
    const { output } = await run(t, `
      import fastify from 'fastify'
      import { channels } from 'fastify-channels'
      const app = fastify()
      ${code.replace(/\b(6379|7000|26379)\b/g, (port) => String(ports[port]))}
      while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 20))
      console.log('up')
      process.exit()
    `)
    t.equal(output, 'up\n', code)
  }
})

t.test('docs: every npm command that a page names is a script of package.json', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const { scripts } = manifest
  const commands = all.flatMap(({ text }) => [...text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)])
  const used = commands.map(([, script, short]) => script ?? short ?? '')
  t.ok(used.length > 5, 'there are commands')
  t.strictSame([...new Set(used)].filter((name) => scripts[name] === undefined), [])
})

/** Runs a module as a user of the package would. Resolves to its output and its exit code. */
async function run (
  t: Test, code: string, interrupt?: AbortSignal, beside: Readonly<Record<string, string>> = {}
): Promise<{ output: string, code: unknown }> {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(root, 'dist/example-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'example.mjs')
  for (const [name, text] of Object.entries({ ...beside, 'example.mjs': code })) writeFileSync(join(folder, name), text)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  interrupt?.addEventListener('abort', () => child.kill('SIGINT'))
  let output = ''
  child.stdout.on('data', (chunk) => { output += String(chunk) })
  const [exitCode] = await once(child, 'close')
  return { output, code: exitCode }
}
