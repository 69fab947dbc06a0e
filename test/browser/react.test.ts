import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { chatRoutes } from '../../routes/chat/chat.routes.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import type { ReactPage } from '../support/browser/react-page.tsx'
import { root } from '../support/root.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

declare const page: ReactPage

/** React of each version, under the names by which the development dependencies have it. */
const versions = { 18: {}, 19: { react: 'react-19', 'react-dom': 'react-dom-19' } }

const browser = await launchBrowser()
t.teardown(() => browser.close())

async function bundle (alias: Record<string, string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/support/browser/react-page.tsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    alias,
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false
  })
  return outputFiles[0]!.text
}

for (const [version, alias] of Object.entries(versions)) {
  t.test(`React ${version} in StrictMode: 200 mounts and unmounts leave no membership on the server`, async (t) => {
    const script = await bundle(alias)
    const { app, sink } = await makeApp(t)
    await app.register(chatRoutes)
    app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(script))
    app.get('/', (_request, reply) => reply.type('text/html').send(`<!doctype html>
<link rel="icon" href="data:,"><div id="root"></div>
<script>token = '${app.jwt.sign({ sub: 'ada', name: 'Ada' })}'</script><script type="module" src="page.js"></script>`))
    const { http } = await listen(app, sink)
    const window = await PageWindow.look(browser, http)
    t.teardown(() => window.close())
    const shows = (id: string, text: string) => window.page.locator(`#${id}`).filter({ hasText: text }).waitFor()
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
}
