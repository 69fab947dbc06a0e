import t, { type Test } from 'tap'
import type { BrowserContextOptions } from 'playwright-core'
import { buildApp } from '../../routes/app.ts'
import { Balancer } from '../support/balancer.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { startRedis } from '../support/redis.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { contrasts } from '../support/browser/contrast.ts'
import { EditorWindow } from '../support/browser/editor-window.ts'
import { namelessControls } from '../support/browser/names.ts'

const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

const browser = await launchBrowser()
t.teardown(() => browser.close())

async function serve (t: Test): Promise<string> {
  const app = await buildApp()
  t.teardown(() => app.close())
  return await app.listen({ port: 0, host: '127.0.0.1' })
}

async function open (t: Test, url: string, options?: BrowserContextOptions): Promise<EditorWindow> {
  const window = await EditorWindow.open(browser, url, options)
  t.teardown(() => window.close())
  return window
}

const enter = async (t: Test, url: string, name: string) => (await open(t, url)).signIn(name)

t.test('editor: two users on two nodes edit one line while one node is killed', { timeout: 120_000 }, async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  const balancer = await Balancer.start(t, [a, b].map(({ http }) => Number(new URL(http).port)))
  const ada = await enter(t, balancer.url, 'Ada')
  const bob = await enter(t, b.http, 'Bob')
  await bob.text.pressSequentially('|')
  await ada.reads('|')
  await Promise.all([ada.text.press('Home'), bob.text.press('End')])
  const begun = Promise.all([
    ada.text.pressSequentially('Hello 😀 and on we go. ', { delay: 20 }),
    bob.text.pressSequentially(' Yes 👩‍🚀, on and on!', { delay: 20 })
  ])
  await ada.page.waitForFunction(() => document.querySelector('.cm-content')?.textContent?.includes('Yes'))
  await a.signal('SIGKILL')
  await begun
  await ada.connection('Connected')
  const text = 'Hello 😀 and on we go. | Yes 👩‍🚀, on and on!'
  await Promise.all([ada.reads(text), bob.reads(text)])
  await Promise.all([ada.saved(), bob.saved()])
  const cleo = await enter(t, b.http, 'Cleo')
  await cleo.reads(text)
  t.equal(await cleo.read(), await ada.read())
  t.strictSame(bob.faults, [])
})

t.test('editor: undo reverts the user\'s own edits only, wherever they moved', async (t) => {
  const url = await serve(t)
  const ada = await enter(t, url, 'Ada')
  const bob = await enter(t, url, 'Bob')
  await ada.insert('mine')
  await bob.reads('mine')
  await bob.text.press('Home')
  await bob.insert('theirs ')
  await ada.reads('theirs mine')
  await ada.text.press('Control+z')
  await Promise.all([ada.reads('theirs '), bob.reads('theirs ')])
  await ada.text.press('Control+y')
  await Promise.all([ada.reads('theirs mine'), bob.reads('theirs mine')])
  await bob.text.press('Control+z')
  await Promise.all([ada.reads('mine'), bob.reads('mine')])
  t.strictSame([...ada.faults, ...bob.faults], [])
})

t.test('editor: cursors are named, move with the text, and disappear with their users', async (t) => {
  const url = await serve(t)
  const ada = await enter(t, url, 'Ada')
  const bob = await enter(t, url, 'Bob')
  await ada.text.pressSequentially('one two')
  await bob.reads('one two')
  await bob.cursor('Ada').waitFor()
  await bob.text.press('Home')
  await ada.cursor('Bob').waitFor()
  const before = await bob.cursor('Ada').boundingBox()
  await bob.text.pressSequentially('zero ')
  await ada.reads('zero one two')
  const after = await bob.cursor('Ada').boundingBox()
  t.ok((after?.x ?? 0) > (before?.x ?? Infinity), 'pushed on by what is written before it')
  await ada.text.press('Shift+Home')
  await bob.page.locator('.selected').waitFor()
  t.equal(await bob.page.locator('.selected').first().textContent(), 'zero one two')
  await ada.close()
  await bob.cursor('Ada').waitFor({ state: 'detached' })
  t.strictSame(bob.faults, [])
})

t.test('editor: the URL names the document, and another document opens by name', async (t) => {
  const url = await serve(t)
  const ada = await enter(t, url, 'Ada')
  await ada.text.pressSequentially('minutes')
  await ada.saved()
  const name = ada.page.getByLabel('Document')
  await name.fill('no/name')
  await name.press('Enter')
  await ada.page.getByRole('alert').filter({ hasText: 'letters, digits and hyphens' }).waitFor()
  await name.fill('Other Notes')
  await name.press('Enter')
  await ada.page.getByRole('textbox', { name: 'Text of other-notes' }).waitFor()
  t.match(ada.page.url(), /\?doc=other-notes$/)
  await ada.reads('')
  await ada.page.goBack()
  await ada.reads('minutes')
  t.strictSame(ada.faults, [])
})

t.test('editor: everything is labelled and readable on a phone in light and in dark mode', async (t) => {
  const url = await serve(t)
  const ada = await open(t, url, phone)
  const bob = await enter(t, url, 'Bob')
  const readable = async () => {
    t.strictSame(await namelessControls(ada.page), [])
    for (const colorScheme of ['light', 'dark'] as const) {
      await ada.page.emulateMedia({ colorScheme })
      t.strictSame((await contrasts(ada.page)).filter(({ ratio }) => ratio < 4.5), [], colorScheme)
    }
    t.ok(await ada.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out')
  }
  await readable()
  await ada.signIn('Ada')
  await bob.text.pressSequentially('Some text')
  await ada.cursor('Bob').waitFor()
  await ada.text.pressSequentially('x')
  await ada.saved()
  await readable()
  t.strictSame([...ada.faults, ...bob.faults], [])
})

t.test('editor: the keyboard gets into the text and out of it', async (t) => {
  const url = await serve(t)
  const ada = await open(t, url)
  await ada.page.locator('#name:focus').waitFor()
  await ada.page.keyboard.type('Ada')
  await ada.page.keyboard.press('Enter')
  await ada.page.locator('.cm-content:focus').waitFor()
  await ada.page.keyboard.type('typed')
  await ada.page.keyboard.press('Shift+Tab')
  await ada.page.locator('#open button:focus').waitFor()
  await ada.page.keyboard.press('Tab')
  await ada.page.locator('.cm-content:focus').waitFor()
  await ada.page.keyboard.press('Tab')
  t.equal(await ada.page.locator('.cm-content:focus').count(), 0, 'Tab does not stay')
  await ada.reads('typed')
  t.strictSame(ada.faults, [])
})
