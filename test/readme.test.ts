import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { defaultLimits } from '../lib/connection/limits.ts'
import { optionNames } from '../plugins/options.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

function blocks (language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code as string)
}

t.test('the example runs as printed', async (t) => {
  const [server = '', client = ''] = blocks('js')
  t.ok(server.trim().split('\n').length <= 21, 'and is short')
  const folder = mkdtempSync(join(root, 'dist/example-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'example.mjs')
  writeFileSync(file, `${server}${client}`.replaceAll('3000', String(await freePort())))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = await new Promise((resolve) => {
    child.stdout.once('data', (chunk) => resolve(String(chunk)))
    child.once('exit', (code) => resolve(`ended with ${code}`))
  })
  child.kill()
  t.equal(printed, 'hello\n')
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

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
