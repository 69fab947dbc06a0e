import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build, type BuildOptions } from 'esbuild'
import t, { type Test } from 'tap'
import { chatRoutes } from '../../routes/chat/chat.routes.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import type { ReactPage } from '../support/browser/react-page.tsx'
import type { client } from '../support/browser/rendered-page.tsx'
import { root } from '../support/root.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

declare const page: ReactPage

/** React of each version, under the names by which the development dependencies have it. */
const versions = { 18: {}, 19: { react: 'react-19', 'react-dom': 'react-dom-19' } }

interface Rendered { readonly html: string, readonly state: typeof client.state }

const browser = await launchBrowser()
t.teardown(() => browser.close())

const pages = join(root, 'test/support/browser')

async function bundle (alias: Record<string, string>, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    alias,
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false,
    ...options
  })
  return outputFiles![0]!.text
}

/** The chat, with a page that runs this file. `html`: what a server has rendered already. */
async function servePage (t: Test, file: string, alias: Record<string, string>, html = '') {
  const script = await bundle(alias, { entryPoints: [join(pages, file)] })
  const { app, sink } = await makeApp(t)
  await app.register(chatRoutes)
  app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(script))
  app.get('/', (_request, reply) => reply.type('text/html').send(`<!doctype html>
<link rel="icon" href="data:,"><div id="root">${html}</div>
<script>token = '${app.jwt.sign({ sub: 'ada', name: 'Ada' })}'</script><script type="module" src="page.js"></script>`))
  const { http } = await listen(app, sink)
  const window = await PageWindow.look(browser, http)
  t.teardown(() => window.close())
  const shows = (id: string, text: string) => window.page.locator(`#${id}`).filter({ hasText: text }).waitFor()
  return { app, window, shows }
}

for (const [version, alias] of Object.entries(versions)) {
  t.test(`React ${version} in StrictMode: 200 mounts and unmounts leave no membership on the server`, async (t) => {
    const { app, window, shows } = await servePage(t, 'react-page.tsx', alias)
    await shows('state', 'open')
    t.equal(app.channels.status().rooms, 0)

    await window.page.evaluate(() => page.show(true))
    await shows('texts', 'joined')
    await shows('room', 'joined')
    await window.page.getByRole('button').click()
    await shows('texts', 'joined hello')
    await shows('present', 'Ada')
    t.equal(app.channels.status().rooms, 1, 'both components are in one room')

    await window.page.evaluate(() => page.storm(200))
    await shows('texts', 'joined hello')
    await shows('room', 'joined')
    await shows('present', 'Ada')
    t.equal(app.channels.status().rooms, 1)

    await window.page.evaluate(() => page.show(false))
    await until(() => app.channels.status().rooms === 0)
    t.equal(app.channels.status().connections, 1, 'the connection stays')
    t.strictSame(window.faults, [])
  })
  t.test(`React ${version}: connect('/ws') in a module is idle on a server and connects when hydrated`, async (t) => {
    const folder = t.testdir({
      'server.cjs': await bundle(alias, {
        stdin: {
          contents: `import { renderToString } from 'react-dom/server'
            import { client, page } from './rendered-page.tsx'
            export const html = renderToString(page)
            export const state = client.state`,
          resolveDir: pages
        },
        platform: 'node',
        format: 'cjs'
      })
    })
    const server = createRequire(import.meta.url)(join(folder, 'server.cjs')) as Rendered
    t.match(server, { state: 'idle', html: /idle.*joining/ }, 'the server does not connect')

    const { app, window, shows } = await servePage(t, 'rendered-page.tsx', alias, server.html)
    await shows('state', 'open')
    await shows('status', 'joined')
    await shows('present', 'Ada')
    await window.page.getByRole('button').click()
    await shows('status', 'joined hello')
    t.match(app.channels.status(), { connections: 1, rooms: 1 })
    t.strictSame(window.faults, [], 'React finds no difference')
  })
}
