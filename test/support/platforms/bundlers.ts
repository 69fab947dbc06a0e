import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Test } from 'tap'
import { readPage } from '../docs/page.ts'
import { freePort } from '../free-port.ts'
import { root } from '../root.ts'
import { until } from '../until.ts'
import { cacheFolder, install } from '../versions/runtimes.ts'

/** Vite 7, because a dependency of Vite 8 has another licence than MIT-like ones. */
const needs = ['vite@7', 'webpack@5']
const modules = join(cacheFolder, 'node_modules')

/** The scripts of applications: plain, and with React. `token` is a global. */
export const scripts: Readonly<Record<string, string>> = {
  'plain.js': `import { connect } from 'fastify-channels/client'

const show = (text) => { document.body.append(text + '. ') }
const client = connect('/ws/chat', { token: () => token })
client.onConnectError(({ status, code }) => show(status + ' ' + code))
const lobby = await client.join('chat/:room', { room: 'lobby' }, {
  onResync: 'ignore', on: { 'message.posted': ({ text }) => show(text) }
})
await lobby.send('message.send', { text: 'hello' })
`,
  'react.js': `import { connect } from 'fastify-channels/client'
import { ChannelsProvider, useConnectionState, useMessages } from 'fastify-channels/react'
import { createElement as h, StrictMode, useEffect } from 'react'
import { createRoot } from 'react-dom/client'

const client = connect('/ws/chat', { token: () => token })

function Chat () {
  const { lastError } = useConnectionState()
  const { messages, channel } = useMessages('chat/:room', { room: 'lobby' }, { types: ['message.posted'] })
  useEffect(() => { channel?.send('message.send', { text: 'hello' }) }, [channel])
  return h('p', null, messages.map(({ payload }) => payload.text + '. '), lastError?.status, ' ', lastError?.code)
}

createRoot(document.body.appendChild(document.createElement('div'))).render(
  h(StrictMode, null, h(ChannelsProvider, { client }, h(Chat)))
)
`
}

/** A folder of an application that has this package installed as npm would, with a page and its script. */
export function makeApplication (t: Test): string {
  for (const need of needs) if (!existsSync(join(modules, need.split('@')[0]!))) install(...needs)
  const folder = join(cacheFolder, 'application')
  rmSync(folder, { recursive: true, force: true })
  t.teardown(() => rmSync(folder, { recursive: true }))
  const installed = join(folder, 'node_modules/fastify-channels')
  mkdirSync(join(installed, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  cpSync(join(root, 'dist/lib'), join(installed, 'dist/lib'), { recursive: true })
  for (const name of ['vite', 'webpack']) symlinkSync(join(modules, name), join(folder, 'node_modules', name))
  for (const name of ['react', 'react-dom']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "sideEffects": false }')
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text)
  return folder
}

export function pageOf (token: string, script: string): string {
  return `<!doctype html><link rel="icon" href="data:,"><body><script>token = '${token}'</script>
    <script type="module" src="/${script}"></script></body>`
}

/** What bundles a script of the application. They return the path of the bundle. */
export const bundlers: Readonly<Record<string, (folder: string, script: string) => Promise<string>>> = {
  esbuild: async (folder, script) => {
    const outfile = join(folder, 'out/esbuild.js')
    const define = { 'process.env.NODE_ENV': '"production"' }
    await build({ entryPoints: [join(folder, script)], bundle: true, minify: true, format: 'esm', define, outfile })
    return outfile
  },
  webpack: async (folder, script) => {
    const webpack = createRequire(join(folder, 'x.js'))('webpack') as
      (options: object, done: (error: Error | null, stats: { toJson (): { errors: object[] } }) => void) => void
    const output = { path: join(folder, 'out'), filename: 'webpack.js' }
    await new Promise<void>((resolve, reject) => webpack({
      mode: 'production', context: folder, entry: `./${script}`, output
    }, (error, stats) => {
      const problem = error ?? stats.toJson().errors[0]
      if (problem) reject(new Error(JSON.stringify(problem)))
      else resolve()
    }))
    return join(folder, 'out/webpack.js')
  },
  'vite build': async (folder, script) => {
    writeFileSync(join(folder, 'index.html'), pageOf('', script))
    const flags = ['--outDir', 'out/vite', '--logLevel', 'warn', '--config', 'none.js']
    writeFileSync(join(folder, 'none.js'), `export default { build: {
      target: 'es2022', rollupOptions: { output: { entryFileNames: 'vite.js' } } } }`)
    execFileSync(process.execPath, [join(modules, 'vite/bin/vite.js'), 'build', ...flags], { cwd: folder })
    return join(folder, 'out/vite/vite.js')
  }
}

/**
 * Vite's dev server with the configuration of docs/guide/frontends.md in front of a server. `change` changes the
 * configuration. @returns its address
 */
export async function startVite (
  t: Test, folder: string, { html, server, change = (config) => config }:
  { readonly html: string, readonly server: string, readonly change?: (config: string) => string }
): Promise<string> {
  const { code } = readPage('docs/guide/frontends.md').blocks.find(({ code }) => code.includes('// vite.config.ts'))!
  writeFileSync(join(folder, 'vite.config.ts'), change(code.replace('http://localhost:3000', server)))
  writeFileSync(join(folder, 'index.html'), html)
  const port = String(await freePort())
  // Without the dependencies that it found for the script of another test.
  const flags = ['--host', '127.0.0.1', '--port', port, '--strictPort', '--force']
  const vite = spawn(process.execPath, [join(modules, 'vite/bin/vite.js'), ...flags], {
    // It prints errors of the proxy whenever a page is closed.
    cwd: folder, stdio: 'ignore'
  })
  t.teardown(async () => {
    const gone = once(vite, 'exit')
    vite.kill()
    await gone
  })
  const address = `http://127.0.0.1:${port}`
  await until(() => fetch(address).then(({ ok }) => ok, () => false))
  return address
}
