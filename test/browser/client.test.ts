import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import type { connect as Connect, ConnectError } from '../../lib/client/index.ts'
import { chatHandlers } from '../../routes/chat/chat.handlers.ts'
import { launchBrowser, launchCachingBrowser, openHiddenPage } from '../support/browser/browser.ts'
import { serveTalk } from '../support/clients/talk.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import { freePort } from '../support/free-port.ts'
import { cases } from '../support/long-form.ts'
import type { blockClients as BlockClients } from '../support/platforms/blocked-client.ts'
import type { runClientFlow as RunClientFlow } from '../support/platforms/client-flow.ts'
import { root } from '../support/root.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

// The page has no bundler: one file of the client, and an import map, as docs/client.md shows.
const html = `<!doctype html>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "fastify-channels/client": "/client.js" } }</script>
<script type="module">import { connect } from 'fastify-channels/client'; window.connect = connect</script>`

declare const connect: typeof Connect
declare const blockClients: typeof BlockClients
declare const runClientFlow: typeof RunClientFlow
declare function back (): Promise<object>

const { outputFiles } = await build({
  entryPoints: [join(root, 'lib/client/index.ts')], bundle: true, minify: true, format: 'esm', write: false
})
/** The bodies of tests that every platform runs. */
const { outputFiles: [platformScript] } = await build({
  stdin: {
    contents: `import { runClientFlow } from './client-flow.ts'
      import { blockClients, IdleClients } from './blocked-client.ts'
      Object.assign(window, { runClientFlow, blockClients, IdleClients })`,
    resolveDir: join(root, 'test/support/platforms')
  },
  bundle: true,
  write: false
})

const browser = await launchBrowser()
t.teardown(() => browser.close())

const { app, sink } = await makeApp(t, { limits: { perUser: 1, connections: 2 } })
app.get('/', (_request, reply) => reply.type('text/html').send(html))
app.get('/other', (_request, reply) => reply.type('text/html').send('<p>other'))
app.get('/client.js', (_request, reply) => reply.type('text/javascript').send(outputFiles[0]!.text))
app.ws('/ws', {}, [chatHandlers])
app.ws('/private', { onRequest: async (_request, reply) => { await reply.code(403).send({ message: 'not you' }) } }, [])
const { http, url, token } = await listen(app, sink)
const { page } = await PageWindow.look(browser, http)

/** What the page learns of its first failed attempt to connect, and the state of its client. */
function attempt (url: string, token: string): Promise<Partial<ConnectError> & { state: string }> {
  return page.evaluate(async ([url, token]) => {
    const client = connect(url, { token: () => token, onError: () => {} })
    const { status, code, reason, willRetry } = await new Promise<ConnectError>((resolve) => {
      client.onConnectError(resolve)
    })
    const { state } = client
    client.close()
    return { status, code, reason, willRetry, state }
  }, [url, token] as const)
}

/** The page is connected as these users while `run` runs. */
async function whileConnected (names: readonly string[], run: () => Promise<unknown>): Promise<void> {
  const clients = await page.evaluateHandle(async (tokens) => {
    const clients = tokens.map((token) => connect('/ws', { token: () => token }))
    await Promise.all(clients.map((client) => client.ready()))
    return clients
  }, names.map((name) => token(name)))
  await run()
  await clients.evaluate((clients) => { for (const client of clients) client.close() })
}

const unreachable = { status: undefined, code: 'connection_failed', reason: /cannot be reached, refuses the origin/ }

t.test('Chromium: each refusal is reported with its reason, and the client goes on', async (t) => {
  const trying = { willRetry: true, state: 'connecting' }
  const refused = async (url: string, token: string, expected: object) =>
    t.match(await attempt(url, token), { ...trying, ...expected }, JSON.stringify(expected))
  await refused('/ws', '', { status: 401, code: 'FST_CHANNELS_UNAUTHENTICATED', reason: /token/ })
  await refused('/ws', token('Ada', { exp: 1 }), { status: 401, code: 'FST_CHANNELS_UNAUTHENTICATED', reason: /token/ })
  await refused('/private', token('Ada'), { status: 403, reason: 'not you' })
  await refused('/nowhere', token('Ada'), { status: 404, reason: 'no WebSocket route at this path' })
  await whileConnected(['Ada'], () =>
    refused('/ws', token('Ada'), { status: 429, code: 'FST_CHANNELS_TOO_MANY_CONNECTIONS' }))
  await whileConnected(['Ada', 'Bob'], () =>
    refused('/ws', token('Cleo'), { status: 503, code: 'FST_CHANNELS_SERVER_FULL' }))
  await refused(`${url.replace('127.0.0.1', 'localhost')}/ws`, token('Ada'), unreachable)
  await refused(`ws://127.0.0.1:${await freePort()}/ws`, token('Ada'), unreachable)
})

/** An empty page with `platformScript`. */
async function platformPage (t: Test) {
  const served = await serveTalk(t)
  // Any page of this origin.
  const window = await PageWindow.look(browser, `${served.http}/`)
  t.teardown(() => window.close())
  await window.page.addScriptTag({ content: platformScript!.text })
  return { ...served, page: window.page }
}

t.test('client: the same flow as on every platform, in Chromium', async (t) => {
  const { page, tokens } = await platformPage(t)
  const steps = await page.evaluate((tokens) => runClientFlow({ url: '/ws', room: 'chromium', tokens }), tokens)
  for (const step of steps) t.pass(step)
})

t.test('client: a page that is blocked for longer than heartbeat and timeout loses no connection', async (t) => {
  const { page, tokens } = await platformPage(t)
  const blocks = cases(50, 3)
  const result = await page.evaluate(([blocks, token]) => blockClients({
    url: '/ws',
    room: 'blocked',
    token,
    blocks,
    speed: 20,
    WebSocket,
    block: (ms) => {
      const request = new XMLHttpRequest()
      request.open('GET', `/blocked/${ms}`, false)
      request.send()
    }
  }), [blocks, tokens['ANN'] as string] as const)
  t.strictSame(result, { states: [], answered: 5 * blocks })
})

t.test('Chromium: a hidden page with one timer a minute loses no connection, a frozen one comes back', async (t) => {
  if (cases(1, 0) === 0) return t.comment('only in the long form: it takes 30 s')
  const { http, tokens } = await serveTalk(t)
  const page = await openHiddenPage(t, `${http}/`)
  if (!page) return t.comment('this browser has no windows')
  await page.evaluate(`{ ${platformScript!.text} }`)
  await page.hide()
  t.equal(await page.evaluate('document.visibilityState'), 'hidden')
  // Timers fire once a second, which is a minute of the clock.
  await page.evaluate(`(async () => {
    window.idle = new IdleClients({ url: '/ws', token: '${tokens['ANN']}', speed: 60, WebSocket })
    await idle.join('hidden')
  })()`)
  await wait(20_000)
  t.strictSame(await page.evaluate("idle.send('ask.nothing')"), 5)
  t.strictSame(await page.evaluate('idle.states'), [], '20 minutes of its clock')

  // Chromium itself closes the connections of a frozen page.
  await page.setState('frozen')
  await wait(2_000)
  await page.setState('active')
  await until(async () => await page.evaluate("idle.send('ask.nothing')") === 5)
  t.match(await page.evaluate('idle.states'), ['connecting'])
})

t.test('Chromium: an idle page enters the back/forward cache and comes back connected', async (t) => {
  const browser = await launchCachingBrowser()
  if (!browser) return t.comment('this browser has no back/forward cache')
  t.teardown(() => browser.close())
  const { page } = await PageWindow.look(browser, http)
  await page.evaluate(async (token) => {
    const client = connect('/ws', { token: () => token })
    await client.ready()
    const lobby = await client.join('chat/:room', { room: 'lobby' })
    const states: string[] = []
    client.onState((state) => states.push(state))
    const back = async () => ({ sent: await lobby.send('message.send', { text: 'back' }), states })
    Object.assign(window, { back })
  }, token('Ada'))
  await page.goto(`${http}/other`)
  // A restored page does not load again.
  await page.goBack({ waitUntil: 'commit' })
  const after = await page.evaluate(() => back())
  t.match(after, { states: ['connecting', 'recovering', 'open'], sent: { id: String } })
})
