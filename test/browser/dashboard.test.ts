import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { BrowserContextOptions } from 'playwright-core'
import { TestClient } from '../../lib/testing/test-client.ts'
import { buildApp } from '../../routes/app.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { contrasts } from '../support/browser/contrast.ts'
import { DashboardWindow } from '../support/browser/dashboard-window.ts'
import { namelessControls } from '../support/browser/names.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

async function look (
  t: Test, options?: BrowserContextOptions
): Promise<{ app: FastifyInstance, url: string, window: DashboardWindow }> {
  const app = await buildApp()
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const window = await DashboardWindow.open(browser, url, options)
  t.teardown(() => window.close())
  return { app, url, window }
}

/** Resolves once the server has sent so many more deltas to a window of its own. */
async function seconds (url: string, count: number): Promise<void> {
  const client = await TestClient.connect(`${url.replace('http', 'ws')}/ws/dashboard`)
  await client.request('join', 'metrics')
  for (let i = 0; i < count; i++) await client.next('changed')
  await client.close()
}

t.test('dashboard: the page shows the node\'s metrics as they change', async (t) => {
  const { app, url, window } = await look(t)
  await window.node(app.channels.status().node).waitFor()
  await window.connection('Live')
  await window.says('Connections', /^1$/)
  await window.says('Memory', / MB$/)
  t.match(await window.drawing('Memory'), /Memory: Memory [\d.]+ MB, Heap [\d.]+ MB/)
  const others = await Promise.all([1, 2, 3].map(() => TestClient.connect(`${url.replace('http', 'ws')}/ws/dashboard`)))
  await window.says('Connections', /^4$/)
  await others[0]?.request('nonsense')
  await window.says('Rejected, unknown_type', /^1$/)
  for (const other of others) await other.close()
  await window.says('Connections', /^1$/)
  t.equal(await window.page.locator('.plot canvas').count(), 4)
  t.strictSame(window.faults, [])
})

t.test('dashboard: after a pause every missed delta arrives', async (t) => {
  const { app, url, window } = await look(t)
  await window.says('Connections', /^1$/)
  await window.pause.click()
  await window.connection('Paused')
  await seconds(url, 3)
  t.equal(app.registry.size, 0, 'it is really gone')
  await window.resume.click()
  const { recovered, missed } = await window.caughtUp()
  t.ok(missed >= 3, `${missed} seconds`)
  t.equal(recovered, missed)
  await window.connection('Live')
  await window.says('Connections', /^1$/)
  t.strictSame(window.faults, [])
})

t.test('dashboard: a lost connection is restored and recovers', async (t) => {
  const { app, window } = await look(t)
  await window.says('Connections', /^1$/)
  for (const socket of app.websocketServer.clients) socket.terminate()
  const { recovered, missed } = await window.caughtUp()
  t.equal(recovered, missed)
  await window.connection('Live')
})

t.test('dashboard: everything works with the keyboard', async (t) => {
  const { window } = await look(t)
  await window.says('Connections', /^1$/)
  const { keyboard } = window.page
  await keyboard.press('Tab')
  await window.page.locator('.home:focus-visible').waitFor()
  await keyboard.press('Tab')
  await window.page.locator('#pause:focus-visible').waitFor()
  await keyboard.press('Enter')
  await window.connection('Paused')
  await window.page.locator('#pause:focus-visible').waitFor()
  await keyboard.press('Space')
  await window.connection('Live')
  await keyboard.press('Shift+Tab')
  await keyboard.press('Enter')
  await window.page.getByRole('link', { name: 'Open the dashboard' }).click()
  await window.connection('Live')
  t.strictSame(window.faults, [])
})

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`dashboard: everything is labelled and readable in ${colorScheme} mode`, async (t) => {
    const { window } = await look(t, { colorScheme })
    const readable = async () => {
      t.strictSame(await namelessControls(window.page), [])
      t.strictSame((await contrasts(window.page)).filter(({ ratio }) => ratio < 4.5), [])
    }
    await window.says('Connections', /^1$/)
    await readable()
    t.strictSame(
      await window.page.locator('.plot:not([role=img][aria-label])').count(), 0, 'drawings say what they show'
    )
    await window.pause.click()
    await window.connection('Paused')
    await readable()
    await window.resume.click()
    await window.caughtUp()
    await readable()
    await window.page.emulateMedia({ colorScheme: colorScheme === 'light' ? 'dark' : 'light' })
    await readable()
    t.strictSame(window.faults, [])
  })
}

t.test('dashboard: the page fits a phone', async (t) => {
  const { url, window } = await look(t, phone)
  const overflow = () => window.page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('.node, .table, .plot')].filter((e) =>
      e.scrollWidth > e.clientWidth).map((e) =>
      e.className))
  await window.says('Connections', /^1$/)
  await window.drawing('Messages')
  t.strictSame(await overflow(), [])
  const box = await window.pause.boundingBox()
  t.ok(
    box && box.x >= 0 && box.x + box.width <= 360 && box.height >= 24 && box.width >= 24,
    'large enough for a finger (WCAG 2.5.8)'
  )
  t.equal(
    await window.page.locator('.plot').first().evaluate((plot) =>
      plot.querySelector('canvas')?.clientWidth === plot.clientWidth),
    true
  )
  await window.page.goto(url)
  t.strictSame(await overflow(), [])
  t.strictSame(window.faults, [])
})
