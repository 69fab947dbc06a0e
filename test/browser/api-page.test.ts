import fastifyHelmet from '@fastify/helmet'
import { spawnSync } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { wscatLine, type SampleMessage } from '../../lib/api-page/trial/snippets.ts'
import type { AsyncApiDocument } from '../../lib/asyncapi/index.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { buildApp } from '../../routes/app.ts'
import { sample } from '../support/api-page/sample-message.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { contrasts } from '../support/browser/contrast.ts'
import { namelessControls } from '../support/browser/names.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import { policyFaults } from '../support/browser/policy-faults.ts'
import { identityOf } from '../support/demo.ts'
import { bearer } from '../support/serve.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

/** The demo with its API page, under the default policy of helmet. */
async function serve (t: Test) {
  const info = { title: 'The demo', version: '1.0.0' }
  const app = await buildApp({ channels: { asyncapi: { page: true, info }, presenceGrace: 0, drain: { timeout: 0 } } })
  t.teardown(() => app.close())
  await app.register(fastifyHelmet)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { app, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}` }
}

async function open (t: Test, http: string) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } })
  t.teardown(() => context.close())
  const { page, faults } = new PageWindow(await context.newPage())
  const violations = await policyFaults(page)
  await page.goto(`${http}/asyncapi`)
  await page.getByText('Traffic: 0 messages').waitFor()
  const form = (name: string) => page.getByRole('form', { name, exact: true })
  return { page, faults, violations, form }
}

t.test('the API page', async (t) => {
  const { app, http, ws } = await serve(t)
  const { page, faults, violations, form } = await open(t, http)

  t.test('API page: it is readable on a phone, in the dark, by keyboard and by screen readers', async (t) => {
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate(() => document.activeElement?.textContent), 'To the content')
    await page.getByText(/^Traffic: \d+ messages/).click()
    t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is wider than the screen')
    t.strictSame(await namelessControls(page), [])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      t.strictSame((await contrasts(page)).filter(({ ratio }) => ratio < 4.5), [], colorScheme)
    }
    await form('Try message.send').getByLabel('text').focus()
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate(() => document.activeElement?.textContent), 'Send')
  })

  t.test('API page: every message of the demo is tried in a browser, under the policy of helmet', async (t) => {
    const document = (await app.inject('/asyncapi.json')).json<AsyncApiDocument>()

    const pointers = Object.entries(document.channels).flatMap(([id, { messages }]) =>
      Object.keys(messages).map((name) => `#/channels/${id}/messages/${name}`))
    const visible = await page.locator('[data-message]').evaluateAll((elements) =>
      elements.filter((element) => element.checkVisibility()).map((element) => element.getAttribute('data-message')))
    t.strictSame([...new Set(visible)].sort(), pointers.sort(), 'every message is visible')
    const untried = await page.locator('.operation:not(:has(.try))').count()
    t.equal(untried, 0, 'every operation can be tried')

    const [ann, bob] = [await identityOf(http, 'Ann'), await identityOf(http, 'Bob')]
    const other = await TestClient.connect(`${ws}/ws/chat`, [], bearer(bob.token))
    await other.request('join', 'chat/lobby')
    const connecting = form('Connect to /ws/chat')
    await connecting.getByLabel('Token').fill(ann.token)
    await connecting.getByLabel('Token').press('Enter')
    await connecting.getByRole('status').filter({ hasText: 'open' }).waitFor()
    await form('Join chat/:room').getByLabel('room').fill('lobby')
    await form('Join chat/:room').getByRole('button', { name: 'Join' }).click()
    await form('Join chat/:room').getByText(/0 messages of its history, presence: .*"Bob".*"Ann"/).waitFor()

    const sending = form('Try message.send')
    await sending.getByLabel('text').fill('x'.repeat(2001))
    await sending.getByText('/text: Expected string length less or equal to 2000', { exact: true }).waitFor()
    await sending.getByRole('button', { name: 'Send anyway' }).click()
    await sending.getByText(/^error: .* invalid_payload/).waitFor()
    await sending.getByLabel('text').fill('Hello Bob')
    await sending.getByRole('button', { name: 'Send', exact: true }).click()
    await sending.getByText(/^ack: \{"id":/).waitFor()
    t.match(await other.next('message.posted'), { payload: { text: 'Hello Bob', name: 'Ann' } })

    await other.request('message.send', 'chat/lobby', { text: 'Hello Ann' })
    const posted = page.locator('.operation[data-type="message.posted"]')
    await posted.getByText('received 2 times, the last one valid').waitFor()
    const entry = page.locator('.entries li[data-kind=received]').filter({ hasText: 'Hello Ann' })
    t.match(await entry.textContent(), /message\.posted.*chat\/lobby · \d+ B · .*valid/)
    t.equal(await page.locator('.entries .bad').count(), 3, 'the invalid message, twice, and its answer')
    t.strictSame(await violations(), [])
    t.strictSame(faults, [])
  })

  t.test('API page: without JavaScript everything can be read', async (t) => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.goto(`${http}/asyncapi`)
    await page.getByRole('heading', { name: 'message.posted' }).waitFor()
    t.equal(await page.getByRole('cell', { name: 'at most 2000 characters' }).count(), 1)
  })
})

t.test('API page: a line for wscat gives the shell exactly the envelopes', async (t) => {
  const hostile = { text: '\'"\\$(id)`id`$TOKEN\n!\u2028', __proto__x: ["'"] }
  const wordsOf = (change: Partial<SampleMessage>) => {
    const line = wscatLine({ ...sample, payload: hostile, ...change }, 'id')
    const program = `wscat () { printf '%s\\0' "$@"; }\nTOKEN='a.b c'\n${line}\n`
    return spawnSync('sh', ['-c', program], { encoding: 'utf8' }).stdout.split('\0').slice(0, -1)
  }
  const envelopes = [
    '-x', JSON.stringify({ type: 'join', channel: 'room/1', correlationId: 'join' }),
    '-x', JSON.stringify({ type: 'say', channel: 'room/1', payload: hostile, correlationId: 'id' })
  ]
  t.strictSame(wordsOf({}), ['-c', 'ws://localhost:3000/ws', '-s', 'fastify-channels.v1', ...envelopes])
  t.strictSame(wordsOf({ carrier: 'query', url: "ws://h/?a=b'c" }),
    ['-c', "ws://h/?a=b'c&token=a.b c", '-s', 'fastify-channels.v1', ...envelopes])
  t.strictSame(wordsOf({ carrier: 'query' }).slice(0, 2), ['-c', 'ws://localhost:3000/ws?token=a.b c'])
  t.strictSame(wordsOf({ carrier: 'subprotocol' }).slice(2, 6), ['-s', 'fastify-channels.v1', '-s', 'bearer.a.b c'])
  t.strictSame(wordsOf({ address: undefined, type: 'ping', payload: undefined }).slice(4),
    ['-x', JSON.stringify({ type: 'ping', correlationId: 'id' })])
})
