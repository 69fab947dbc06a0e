import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from './support/root.ts'
import { defaultLimits } from '../lib/limits/limits.ts'
import { optionNames } from '../plugins/options.ts'
import { startCluster, startRedis, startSentinel } from './support/redis.ts'
import { freePort } from './support/free-port.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')

function blocks (language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code as string)
}

t.test('the example runs as printed', async (t) => {
  const [server = '', client = ''] = blocks('js')
  t.ok(server.trim().split('\n').length <= 21, 'and is short')
  t.equal(await run(`${server}${client}`.replaceAll('3000', String(await freePort()))), 'hello\n')
})

/** Runs a module of somebody who has installed the package; resolves to the first that it prints. */
async function run (code: string): Promise<string> {
  const folder = mkdtempSync(join(root, 'dist/example-'))
  const file = join(folder, 'example.mjs')
  writeFileSync(file, code)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = await new Promise<string>((resolve) => {
    child.stdout.once('data', (chunk) => resolve(String(chunk)))
    child.once('exit', (code) => resolve(`ended with ${code}`))
  })
  child.kill()
  rmSync(folder, { recursive: true })
  return printed
}

t.test('each way to name a Redis works as printed', async (t) => {
  const [redis, servers, { sentinel }] = await Promise.all([startRedis(t), startCluster(t), startSentinel(t)])
  const ports: Record<string, number> = { 6379: redis.port, 7000: servers[0]?.port as number, 26379: sentinel }
  const shown = blocks('js').filter((block) => block.includes('redis:'))
  t.equal(shown.length, 3)
  for (const block of shown) {
    const code = block.replace(/\b(6379|7000|26379)\b/g, (port) => String(ports[port]))
    t.not(code, block)
    t.equal(await run(`
      import fastify from 'fastify'
      import { channels } from 'fastify-channels'
      const app = fastify()
      ${code}
      while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 20))
      console.log('up')
      process.exit()
    `), 'up\n')
  }
})

t.test('every command is one of package.json', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const used = [...readme.matchAll(/npm (?:run )?(start|test|bench)\b/g)].map(([, name]) => name as string)
  t.strictSame([...new Set(used)].sort(), ['bench', 'start', 'test'])
  for (const name of used) t.ok(scripts[name], name)
})

t.test('the table of options is complete', async (t) => {
  const listed = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
  t.strictSame(listed, [...optionNames, ...Object.keys(defaultLimits)])
})

t.test('every test that docs/security.md names is there', async (t) => {
  const security = readFileSync(join(root, 'docs/security.md'), 'utf8')
  const named = [...security.matchAll(/`(test\/[\w/.-]+)`: (.+?) \|$/gm)]
  t.ok(named.length > 15)
  for (const [, file, title] of named) {
    const source = readFileSync(join(root, file as string), 'utf8')
    t.ok(source.includes(`test('${title}'`), `${file}: ${title}`)
  }
})

t.test('every path it names is there', async (t) => {
  const { existsSync } = await import('node:fs')
  const [, table = ''] = readme.split('## Where do I change X')
  for (const [, path] of table.matchAll(/`((?:docs|lib|plugins|routes)[\w/.-]*)`/g)) t.ok(existsSync(join(root, path as string)), String(path))
})
