import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { startPage } from '../../../lib/api-page/browser/start-page.ts'
import type { PageContracts } from '../../../lib/api-page/contracts/page-contracts.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { channels, defineChannel, defineConnection, implement } from '../../../plugins/channels.ts'
import { becomeBrowser, TestPage } from '../../support/api-page/dom.ts'
import { bearer, secret } from '../../support/serve.ts'
import { soon } from '../../support/until.ts'

const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String({ pattern: '^[a-z]+$', examples: ['lobby'] }) }),
  fromClient: {
    say: {
      payload: Type.Object({ text: Type.String({ maxLength: 5 }) }, { examples: [{ text: 'hello' }] }),
      reply: Type.Object({ id: Type.String() }),
      errors: { muted: Type.Null() }
    },
    wave: {}
  },
  fromServer: { said: { payload: Type.Object({ text: Type.String() }) }, waved: {} },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 9, ttl: 60_000 }
})
const bells = defineChannel({ pattern: 'bells', fromClient: { ring: {} }, fromServer: { rang: {} } })
const own = defineConnection({ fromClient: { whoami: { reply: Type.String() } }, fromServer: {} })

const handlers = [
  implement(chat, {
    presence: ({ user }) => ({ name: (user as { name: string }).name }),
    on: {
      say: async (ctx, { text }) => {
        await ctx.broadcast('said', { text })
        return { id: 'i' }
      },
      wave: async (ctx) => { await ctx.broadcast('waved') }
    }
  }),
  implement(bells, { on: { ring: (ctx) => ctx.broadcast('rang') } }),
  implement(own, { on: { whoami: (ctx) => JSON.stringify(ctx.user) } })
]

/** The page of a server that is looked at, with its script started. */
async function open (t: Test) {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { jwt: { secret }, asyncapi: {}, presenceGrace: 0, drain: { timeout: 0 } })
  app.ws('/ws', {}, handlers)
  app.ws('/open', { public: true }, [implement(bells, { on: { ring: () => {} } })])
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const [html, script] = await Promise.all(['/asyncapi', '/asyncapi/contracts.js'].map(async (path) =>
    (await app.inject(path)).body))
  const browser = becomeBrowser(t, `http://127.0.0.1:${port}/asyncapi`)
  // The schemas, which are most of the page, would cost seconds here. Chromium has the whole page.
  const articles = (html as string).match(/<article[^>]*>/g) ?? []
  document.body.innerHTML = articles.map((article) => `${article}</article>`).join('')
  startPage(await import(`data:text/javascript,${encodeURIComponent(script as string)}`) as PageContracts)
  const page = new TestPage(document.body)
  t.teardown(() => {
    for (const button of page.all('button')) if (button.textContent === 'Disconnect') button.click()
  })
  const section = (selector: string) => new TestPage(document.querySelector(selector) as HTMLElement)
  const has = (part: TestPage, text: string | RegExp) => soon(() => `${text} in ${part.text}`, () =>
    typeof text === 'string' ? part.text.includes(text) : text.test(part.text))
  return { app, url: `ws://127.0.0.1:${port}/ws`, browser, page, section, has, token: app.jwt.sign({ sub: 'ann', name: 'Ann' }) }
}

t.test('API page: people connect, join, send, and see what comes back', async (t) => {
  const { app, url, page, section, has, token, browser } = await open(t)
  const connecting = page.form('Connect to /ws')
  const joining = page.form('Join chat/:room')
  const saying = section('.operation[data-type=say] form')
  saying.submit()
  await has(saying, 'error: Connect to /ws first.')
  connecting.submit()
  await has(connecting, 'cannot connect: ')
  connecting.choose('Who connects', 1)
  connecting.type('Token', token)
  connecting.submit()
  await has(connecting, 'open')
  t.equal(connecting.button('Connect again').type, 'submit')
  saying.submit()
  await has(saying, "error: Join a channel first, because 'say' belongs to one.")

  joining.type('room', 'A/B')
  joining.submit()
  await has(joining, "invalid param 'room'")
  joining.type('room', 'lobby')
  joining.submit()
  await has(joining, 'joined chat/lobby')
  await has(joining, /chat\/lobby Leave 0 messages of its history, presence: .*"name":"Ann"/)
  const other = await TestClient.connect(url, [], bearer(app.jwt.sign({ sub: 'bob', name: 'Bob' })))
  await other.request('join', 'chat/lobby')
  await has(joining, '"name":"Bob"')
  saying.submit()
  await has(saying, /ack: \{"id":"i"\} \(\d+ ms\)/)
  saying.type('text', 'too long')
  await has(saying, '/text: Expected string length less or equal to 5')
  t.equal(saying.button('Send anyway').disabled, false)
  saying.submit()
  await has(saying, /error: .*invalid_payload/)
  section('.operation[data-type=wave] form').submit()
  await has(section('.operation[data-type=wave] form'), /ack \(\d+ ms\)/)
  await has(section('.operation[data-type=said]'), 'received 1 times, the last one valid')
  await has(section('.operation[data-type=waved]'), '"type":"waved"')
  section('.operation[data-type=history] form').submit()
  await has(section('.operation[data-type=history] form'), /ack: .*"hasMore":false/)
  section('.operation[data-type=ping] form').submit()
  section('.operation[data-type=whoami] form').submit()
  await has(section('.operation[data-type=whoami] form'), '\\"name\\":\\"Ann\\"')

  const ringing = section('.operation[data-type=ring][data-route="/ws"] form')
  page.form('Join bells').submit()
  await has(ringing, 'bells')
  ringing.submit()
  await has(section('.operation[data-type=rang][data-route="/ws"]'), 'received 1 times')
  t.notMatch(section('.operation[data-type=rang][data-route="/open"]').text, 'received 1 times')
  await has(page.form('Join bells'), 'bells Leave presence: []')

  saying.type('text', "it's")
  saying.click('Copy as client code')
  saying.click('Copy for wscat')
  await has(saying, 'copied')
  const [code, line] = browser.copied
  t.match(code, /connect<typeof chat>\('ws:\/\/127.*\{ token: \(\) => token \}/)
  t.match(code, 'room: "lobby"')
  t.match(line, /-c 'ws:\/\/127.*\?token='"\$TOKEN" -s fastify-channels.v1 -x .*chat\/lobby.*"text":"it'\\''s"/)
  t.notMatch(`${code}${line}`, token, 'the token is not copied')
  browser.hasClipboard = false
  saying.click('Copy for wscat')
  await has(saying, 'select the text and copy it')

  joining.click('Leave')
  await has(joining, 'left chat/lobby')
  const membership = (type: string) => section(`.operation[data-type=${type}][data-pattern="chat/:room"] .try`)
  membership('join').click('Join the channel of the params above')
  await has(joining, 'joined chat/lobby')
  await has(joining, '2 messages')
  membership('leave').click('Leave the joined channels')
  await has(joining, 'left chat/lobby')
  membership('join').click('Join the channel of the params above')
  await has(joining, 'joined chat/lobby')
  await has(joining, '2 messages')
  await app.rooms.of(chat, { room: 'lobby' }).remove({ userId: 'ann' })
  await soon('no membership', () => !joining.text.includes('2 messages'))
  connecting.click('Disconnect')
  await has(connecting, 'not connected')
  t.equal(connecting.button('Disconnect').disabled, true)
})

t.test('API page: a route without tokens needs none, and the traffic can be paused and cleared', async (t) => {
  const { page, section, has, browser } = await open(t)
  section('.operation[data-type=say] .copy').click('Copy as client code')
  t.match(browser.copied[0], 'room: "room"', 'before anything is joined, code has the names of the params')
  const connecting = page.form('Connect to /open')
  const url = connecting.control('URL').value
  for (const wrong of ['http://[', 'ftp://a']) {
    connecting.type('URL', wrong)
    connecting.submit()
    await has(connecting, /cannot connect: .*Invalid URL|cannot connect to 'ftp:/)
  }
  connecting.type('URL', url)
  const choices = connecting.all('option').map(({ textContent }) => textContent)
  t.strictSame(choices, ['no token; the browser sends its cookies'])
  connecting.submit()
  await has(connecting, 'open')
  const traffic = section('.traffic')
  await has(traffic, 'Traffic: 1 messages')
  traffic.click('Pause')
  t.equal(traffic.button('Pause').getAttribute('aria-pressed'), 'true')
  const pinging = section('.operation[data-type=ping][data-route="/open"] form')
  pinging.submit()
  await has(pinging, 'ack')
  t.match(traffic.text, 'Traffic: 1 messages')
  traffic.click('Pause')
  await has(traffic, 'Traffic: 3 messages')
  await has(traffic, /ack to ping after \d+ ms/)
  traffic.click('Clear')
  await has(traffic, 'Traffic: 0 messages')
  connecting.click('Disconnect')
})
