import { readFileSync } from 'node:fs'
import t from 'tap'
import { chatRoutes } from '../../routes/chat/chat.routes.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import { bundlers, makeApplication, pageOf, scripts, startVite } from '../support/platforms/bundlers.ts'
import { listen, makeApp } from '../support/serve.ts'

// `npm run test:clients`: not part of `npm test`, because it installs bundlers.

t.setTimeout(300_000)

const folder = makeApplication(t)
const browser = await launchBrowser()
t.teardown(() => browser.close())
const { app, sink } = await makeApp(t)
await app.register(chatRoutes)
let html = ''
let script = ''
app.get('/', (_request, reply) => reply.type('text/html').send(html))
app.get('/bundle.js', (_request, reply) => reply.type('text/javascript').send(script))
const { http, token } = await listen(app, sink)

/** Waits until a page shows a text. @returns what the browser complains of */
async function shows (url: string, text: string): Promise<string[]> {
  const window = await PageWindow.look(browser, url)
  await window.page.getByText(text).first().waitFor()
  await window.close()
  return window.faults
}

for (const name of Object.keys(scripts)) {
  for (const [bundler, bundle] of Object.entries(bundlers)) {
    t.test(`a page that ${bundler} bundles connects, joins and sends: ${name}`, async (t) => {
      script = readFileSync(await bundle(folder, name), 'utf8')
      t.comment(`${script.length} bytes`)
      html = pageOf(token('Ada'), 'bundle.js')
      t.strictSame(await shows(http, 'hello.'), [])
    })
  }

  t.test(`a page of Vite's dev server connects, joins and sends through its proxy: ${name}`, async (t) => {
    const address = await startVite(t, folder, { html: pageOf(token('Ada'), name), server: http })
    t.strictSame(await shows(address, 'hello.'), [])
  })
}

t.test("a page of Vite's dev server learns through its proxy why it is refused", async (t) => {
  const address = await startVite(t, folder, { html: pageOf('x', 'plain.js'), server: http })
  t.ok(await shows(address, '401 FST_CHANNELS_UNAUTHENTICATED'))
})

t.test("Vite's proxy with changeOrigin is refused, and the client reports 426", async (t) => {
  const change = (config: string) => config.replace('ws: true', 'ws: true, changeOrigin: true')
  const address = await startVite(t, folder, { html: pageOf(token('Ada'), 'plain.js'), server: http, change })
  t.ok(await shows(address, '426 FST_CHANNELS_UPGRADE_REQUIRED'))
})
