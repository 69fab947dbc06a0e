import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import type { JSHandle } from 'playwright-core'
import type { connect as Connect } from '../../lib/client/index.ts'
import { chatHandlers } from '../../routes/chat/chat.handlers.ts'
import { launchBrowser, launchCachingBrowser, openHiddenPage } from '../support/browser/browser.ts'
import { serveTalk } from '../support/clients/talk.ts'
import { failuresPage, firstFailure, plainProxy, type Seen, type TokenKind } from '../support/browser/failures-page.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import { readPage } from '../support/docs/page.ts'
import { freePort } from '../support/free-port.ts'
import { cases } from '../support/long-form.ts'
import type { blockClients as BlockClients } from '../support/platforms/blocked-client.ts'
import type { runClientFlow as RunClientFlow } from '../support/platforms/client-flow.ts'
import { root } from '../support/root.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

declare const connect: typeof Connect
declare const blockClients: typeof BlockClients
declare const runClientFlow: typeof RunClientFlow
declare function start (url: string, options?: Parameters<typeof Connect>[1]): Seen
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
app.get('/', (_request, reply) => reply.type('text/html').send(failuresPage))
app.get('/other', (_request, reply) => reply.type('text/html').send('<p>other'))
app.get('/client.js', (_request, reply) => reply.type('text/javascript').send(outputFiles[0]!.text))
app.get('/token', () => token('Dora', { exp: Math.floor(Date.now() / 1000) + 2 }))
app.ws('/ws', {}, [chatHandlers])
app.ws('/current', { contractMismatch: 'refuse' }, [chatHandlers])
app.ws('/private', { onRequest: async (_request, reply) => { await reply.code(403).send({ message: 'not you' }) } }, [])
const { http, url, token } = await listen(app, sink)
const { page } = await PageWindow.look(browser, http)

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

const unreachable = {
  status: undefined, code: 'connection_failed', reason: /cannot be reached, refuses the origin/, willRetry: true
}
const trying = { willRetry: true, state: 'connecting' }
const every20s = { ...trying, retryIn: 20_000 }
const unauthenticated = { status: 401, code: 'FST_CHANNELS_UNAUTHENTICATED', reason: /token/ }
const as = (name: string) => ({ text: token(name) })

/** Expects the first failure, and that the page shows its reason. */
async function fails (t: Test, url: string, kind: TokenKind, expected: object, on = page): Promise<void> {
  const failure = await firstFailure(on, url, kind) as { reason: string, shown: string }
  t.match(failure, expected)
  t.equal(failure.shown, failure.reason, 'the page shows it')
}

/** What happens on an open connection of Ada, after `act`: the states that follow. */
async function afterwards (t: Test, act: (seen: JSHandle<Seen>) => Promise<unknown>, states: object[]): Promise<void> {
  const seen = await page.evaluateHandle(async (token) => {
    const seen = start('/ws', { token: () => token })
    await seen.client.ready()
    await seen.client.join('chat/:room', { room: 'lobby' }, { onResync: 'ignore' })
    seen.states.length = 0
    return seen
  }, token('Ada'))
  await act(seen)
  await until(() => seen.evaluate(({ states }, count) => states.length >= count, states.length))
  t.match(await seen.evaluate(({ states }) => states), states)
  await seen.evaluate(({ client }) => client.close())
}

/** By the first column of the table in docs/client.md. */
const situations: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  'the URL is malformed': (t) => fails(t, '/%zz', as('Ada'), { ...every20s, status: 400 }),
  "the server refuses the client's contract": async (t) => {
    await fails(t, '/current?channels-contract=0123456789abcdef', as('Ada'), {
      ...every20s, status: 400, code: 'FST_CHANNELS_CONTRACT_MISMATCH', reason: /0123456789abcdef/
    })
  },
  'no token, or an invalid one, and no `token` function': (t) =>
    fails(t, '/ws?token=x', 'none', { ...every20s, ...unauthenticated }),
  'the same with a `token` function': async (t) => {
    for (const text of ['', 'x', token('Ada', { exp: 1 })]) {
      await fails(t, '/ws', { text }, { ...trying, ...unauthenticated })
    }
  },
  '`token` gives `StopConnecting`': (t) =>
    fails(t, '/ws', 'stops', { status: undefined, reason: 'nobody is logged in', willRetry: false, state: 'closed' }),
  '`token` or the `WebSocket` constructor throws': (t) =>
    fails(t, '/ws', 'throws', { ...trying, status: undefined, reason: /the option 'token' failed.*session is over/ }),
  "the page's origin is not allowed": (t) =>
    fails(t, `${url.replace('127.0.0.1', 'localhost')}/ws`, as('Ada'), unreachable),
  'no such route': (t) =>
    fails(t, '/nowhere', as('Ada'), { ...every20s, status: 404, reason: 'no WebSocket route at this path' }),
  'the application refuses without a code': (t) =>
    fails(t, '/private', as('Ada'), { ...every20s, status: 403, code: 'refused', reason: 'not you' }),
  'a proxy that drops `Upgrade`': async (t) => {
    const port = await plainProxy(t, new URL(http).port)
    const { page } = await PageWindow.look(browser, `http://127.0.0.1:${port}/`)
    await fails(t, '/ws', as('Ada'), { ...trying, status: 426, code: 'FST_CHANNELS_UPGRADE_REQUIRED' }, page)
  },
  'too many connections': (t) => whileConnected(['Ada'], () =>
    fails(t, '/ws', as('Ada'), { ...trying, status: 429, code: 'FST_CHANNELS_TOO_MANY_CONNECTIONS' })),
  'the server is full or closing': (t) => whileConnected(['Ada', 'Bob'], () =>
    fails(t, '/ws', as('Cleo'), { ...trying, status: 503, code: 'FST_CHANNELS_SERVER_FULL' })),
  'the server is absent': async (t) => fails(t, `ws://127.0.0.1:${await freePort()}/ws`, as('Ada'), unreachable),
  'the connection is lost': (t) => afterwards(t, async () => {
    for (const socket of app.websocketServer.clients) socket.terminate()
  }, [{ state: 'connecting', close: { code: 1006 } }, { state: 'recovering' }, { state: 'open' }]),
  'the token expires': async (t) => {
    for (const isFunction of [true, false]) {
      const text = token('Ada', { exp: Math.floor(Date.now() / 1000) + 1 })
      const seen = await page.evaluate(async ([text, isFunction]) => {
        const { client, states, errors } = isFunction
          ? start('/ws', { token: () => text })
          : start(`/ws?token=${text}`)
        while (errors.length === 0) await new Promise((resolve) => client.onConnectError(resolve))
        client.close()
        return { states, errors, shown: document.querySelector('p')?.textContent }
      }, [text, isFunction] as const)
      t.match(seen, {
        states: [{ state: 'open' }, { state: 'connecting', close: { code: 3000, reason: 'the token expired' } }],
        errors: [{ ...unauthenticated, willRetry: true, ...!isFunction && { retryIn: 20_000 } }],
        shown: /token/
      })
    }
  },
  'one message is too large': (t) => afterwards(t, async (seen) => {
    const code = await seen.evaluate(async ({ client }) => {
      const lobby = await client.join('chat/:room', { room: 'lobby' }, { onResync: 'ignore' })
      const sent = await lobby.trySend('message.send', { text: 'x'.repeat(70_000) })
      return sent.ok || sent.error.code
    })
    t.equal(code, 'payload_too_large')
  }, []),
  'the server disconnects the client': (t) => afterwards(t, async () => {
    await app.registry.disconnect({ userId: 'id-of-Ada' })
  }, [{ state: 'closed', close: { code: 3003 } }])
}

t.test('Chromium: each row of the table of failures in docs/client.md is what an application learns', async (t) => {
  const [, table = ''] = readPage('docs/client.md').text.split('## What your users see when')
  const rows = [...table.split('\n## ')[0]!.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell).slice(1)
  t.strictSame(Object.keys(situations), rows, 'every row is tried')
  for (const [name, expectIt] of Object.entries(situations)) await t.test(name, expectIt)
})

t.test('Chromium: a `token` function renews the token of an open connection before it expires', async (t) => {
  const seen = await page.evaluate(async () => {
    const { client, states, errors } = await new Promise<Seen>((resolve) => {
      let asked = 0
      const seen = start('/ws', {
        token: async () => {
          if (++asked === 4) resolve(seen)
          return (await fetch('/token')).text()
        }
      })
    })
    const { state } = client
    const shown = document.querySelector('p')?.textContent
    client.close()
    return { states: states.map(({ state }) => state), errors, state, shown }
  })
  t.strictSame(seen, { states: ['open', 'closed'], errors: [], state: 'open', shown: 'Connected' })
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
  t.match(app.channels.status(), { connections: 1, rooms: 1 })
  await page.goto(`${http}/other`)
  await until(() => app.channels.status().connections === 0)
  // A restored page does not load again.
  await page.goBack({ waitUntil: 'commit' })
  const after = await page.evaluate(() => back())
  t.match(after, { states: ['connecting', 'recovering', 'open'], sent: { id: String } })
  t.match(app.channels.status(), { connections: 1, rooms: 1 }, 'no membership is left behind')
})
