import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { TestClient, UpgradeRefused } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { originCheck } from '../../plugins/upgrade/origins.ts'
import { cert, key } from '../support/certificate.ts'
import { LogSink } from '../support/serve.ts'

type Origins = ChannelsOptions['origins']

async function start (t: Test, origins: Origins, server: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = fastify(server)
  t.teardown(() => app.close())
  await app.register(channels, { origins })
  app.ws('/ws', { public: true }, [])
  return app
}

/** Whether an upgrade with these headers is admitted. */
async function admits (app: FastifyInstance, headers: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    (await TestClient.inject(app, '/ws', [], { headers })).terminate()
    return true
  } catch (error) {
    if (error instanceof UpgradeRefused && error.status === 403) return false
    throw error
  }
}

type Row = readonly [origins: Origins, allowed: readonly string[], refused: readonly string[]]

const listed: readonly Row[] = [
  ['https://app.example.com',
    ['https://app.example.com', 'HTTPS://App.Example.com', 'https://app.example.com:443'],
    ['http://app.example.com', 'https://app.example.com:8443', 'https://app.example.com.evil.test', 'https://example.com',
      'https://app.example.com/', 'https://app.example.com@evil.test', 'null', 'garbage', '',
      'https://app.example.com, https://evil.test']],
  [['http://localhost:3000', 'http://[::1]:3000', 'https://xn--bcher-kva.example'],
    ['http://localhost:3000', 'http://[::1]:3000', 'https://xn--bcher-kva.example', 'https://bücher.example'],
    ['http://localhost', 'https://localhost:3000', 'http://[::1]']],
  ['https://*.example.com',
    ['https://a.example.com', 'https://pr-17.example.com', 'https://A.EXAMPLE.COM:443'],
    ['https://example.com', 'https://a.b.example.com', 'http://a.example.com', 'https://a.example.com:8443',
      'https://aexample.com', 'https://.example.com', 'https://evil.test#.example.com', 'https://a.example.com.evil.test']],
  ['https://pr-*--site.example.com', ['https://pr-1--site.example.com'], ['https://pr-.x--site.example.com']],
  ['https://*.*.example.com', ['https://a.b.example.com'], ['https://a.example.com']],
  ['http://localhost:*', ['http://localhost', 'http://localhost:80', 'http://localhost:5173'], ['https://localhost',
    'http://localhost.evil.test:1', 'http://localhost:1@evil.test']],
  ['https://*.example.com:*', ['https://a.example.com', 'https://a.example.com:8443'], ['https://example.com:8443']],
  ['http://192.168.1.*:3000', ['http://192.168.1.7:3000'], ['http://192.168.2.7:3000']],
  ['http://192.168.*.*', ['http://192.168.10.254'], ['http://192.168.evil.com', 'http://192.168.1.com',
    'http://192.168.1.1.evil.com', 'http://192.169.1.1']],
  ['http://10.*.0.1:*', ['http://10.7.0.1', 'http://10.7.0.1:80', 'http://10.7.0.1:5173'], ['http://10.x.0.1']],
  ['http://pc-*:3000', ['http://pc-7:3000'], ['http://pc-7.evil.test:3000']],
  ['chrome-extension://*', ['chrome-extension://abc'], ['chrome://abc']],
  [/^https:\/\/a\.test$|^https:\/\/([|[)(]|b)\.test$/, ['https://a.test', 'https://b.test'],
    ['https://a.test.evil.test', 'https://b.test.evil.test', 'https://c.test']],
  [/^https:\/\/(?:a\.test$|(?<name>b\.test(?=$))?$)/, ['https://a.test', 'https://b.test'],
    ['https://a.test.evil.test', 'https://b.test.evil.test']],
  [/^https:\/\/pr-\d+\.Example\.com$/g, ['https://pr-1.example.com', 'https://PR-22.example.com'],
    ['https://pr-x.example.com', 'https://pr-1.example.com.evil.test']],
  [[/\.example\.com$/, /(^app:\/\/desktop$)/], ['https://a.example.com', 'app://desktop'], ['https://aexample.com']],
  [['capacitor:', 'tauri://localhost', 'chrome-extension:', 'file:'],
    ['capacitor://localhost', 'tauri://localhost', 'chrome-extension://abcdefghijklmnop', 'file://'],
    ['ionic://localhost', 'tauri://other', 'https://capacitor', 'null', 'chrome-extension:']],
  [['chrome-extension://abc', 'file://'], ['chrome-extension://abc', 'file://'], ['chrome-extension://abd']],
  ['null', ['null'], ['https://null', 'NULL', '']],
  [(origin) => origin === 'https://a.test', ['https://a.test', 'https://A.test:443'], ['https://b.test', 'null']],
  [['https://a.test', async (origin, { headers }) => origin === `https://${headers.host}`],
    ['https://a.test', 'https://localhost'], ['https://b.test']],
  [(() => 'yes') as never, [], ['https://a.test']],
  [[], [], ['https://a.test', 'http://localhost']],
  ['*', ['https://a.test', 'null', 'garbage', ''], []],
  ['capacitor:', [], [`capacitor://${'x'.repeat(300)}`]]
]

for (const [origins, allowed, refused] of listed) {
  t.test(`origins: ${String(origins)} allows what it says`, async (t) => {
    const app = await start(t, origins)
    t.ok(await admits(app, {}), 'a request without an origin')
    for (const origin of allowed) t.ok(await admits(app, { origin }), `allows '${origin}'`)
    for (const origin of refused) t.notOk(await admits(app, { origin }), `refuses '${origin.slice(0, 60)}'`)
  })
}

const behindProxy = { trustProxy: '127.0.0.1' }
const withTls = { https: { key, cert } } as FastifyServerOptions
const xHost = 'x-forwarded-host'
const xProto = 'x-forwarded-proto'

type OwnRow = readonly [
  what: string, server: FastifyServerOptions, headers: Readonly<Record<string, string>>, origin: string,
  admitted: boolean
]

const own: readonly OwnRow[] = [
  ['the Host', {}, { host: 'a.test' }, 'http://a.test', true],
  ['another Host', {}, { host: 'a.test' }, 'http://b.test', false],
  ['a Host in other case', {}, { host: 'A.Test' }, 'http://a.test', true],
  ['a Host with the default port', {}, { host: 'a.test:80' }, 'http://a.test', true],
  ['an Origin with the default port', {}, { host: 'a.test' }, 'http://a.test:80', true],
  ['the default port of the other scheme', {}, { host: 'a.test:80' }, 'https://a.test', false],
  ['a port', {}, { host: 'a.test:3000' }, 'http://a.test:3000', true],
  ['a missing port', {}, { host: 'a.test:3000' }, 'http://a.test', false],
  ['https before an unknown proxy', {}, { host: 'a.test' }, 'https://a.test', true],
  ['https with the default port before an unknown proxy', {}, { host: 'a.test:443' }, 'https://a.test', true],
  ['a scheme that is not of HTTP', {}, { host: 'localhost' }, 'capacitor://localhost', false],
  ['no origin', {}, { host: 'null' }, 'null', false],
  ['an address of IPv6', {}, { host: '[::1]:3000' }, 'http://[::1]:3000', true],
  ['https to TLS', withTls, { host: 'a.test' }, 'https://a.test', true],
  ['http to TLS', withTls, { host: 'a.test' }, 'http://a.test', false],
  ['a forwarded scheme without trustProxy', {}, { host: 'a.test', [xProto]: 'https' }, 'http://a.test', true],
  ['a forwarded scheme', behindProxy, { host: 'a.test', [xProto]: 'https' }, 'https://a.test', true],
  ['a forwarded scheme of a WebSocket', behindProxy, { host: 'a.test', [xProto]: 'wss' }, 'https://a.test', true],
  ['not the forwarded scheme', behindProxy, { host: 'a.test', [xProto]: 'https' }, 'http://a.test', false],
  ['the first forwarded scheme', behindProxy, { host: 'a.test', [xProto]: 'https, http' }, 'http://a.test', false],
  ['no forwarded scheme', behindProxy, { host: 'a.test' }, 'https://a.test', true],
  ['a forwarded host without trustProxy', {}, { host: 'a.test', [xHost]: 'b.test' }, 'http://b.test', false],
  ['the Host without trustProxy', {}, { host: 'a.test', [xHost]: 'b.test' }, 'http://a.test', true],
  ['a forwarded host', behindProxy, { host: 'a.test', [xHost]: 'b.test' }, 'http://b.test', true],
  ['the Host behind it', behindProxy, { host: 'a.test', [xHost]: 'b.test' }, 'http://a.test', false],
  ['the first forwarded host', behindProxy, { host: 'a.test', [xHost]: 'b.test, c.test' }, 'http://b.test', true],
  ['the last forwarded host', behindProxy, { host: 'a.test', [xHost]: 'b.test, c.test' }, 'http://c.test', false],
  ['a host of a proxy that is not trusted', { trustProxy: '10.0.0.1' }, { host: 'a.test', [xHost]: 'b.test' },
    'http://b.test', false]
]

t.test('origins: by default that of the request, with the scheme where it is known', async (t) => {
  const apps = new Map<FastifyServerOptions, FastifyInstance>()
  for (const [what, server, headers, origin, admitted] of own) {
    const app = apps.get(server) ?? await start(t, undefined, server)
    apps.set(server, app)
    t.equal(await admits(app, { ...headers, origin }), admitted, `${what}: ${origin}`)
  }
})

/** What no origin of a browser matches, with what to pass in its place. */
const useless: ReadonlyArray<readonly [pattern: string, suggestion: string]> = [
  ['https://app.example.com/', 'https://app.example.com'], ['https://app.example.com/chat', 'https://app.example.com'],
  ['https://App.Example.com', 'https://app.example.com'], ['https://app.example.com:443', 'https://app.example.com'],
  ['http://localhost:80', 'http://localhost'], ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['https://user@app.example.com', 'https://app.example.com'], ['localhost:3000', 'https://localhost:3000'],
  ['wss://app.example.com', 'https://app.example.com'], ['ws://localhost:*', 'http://localhost:*'],
  ['ws:', 'http:'], ['data:', 'null'], ['blob://x', 'null'], ['capacitor://', 'capacitor:'],
  ['//app.example.com', 'https://app.example.com'], ['', "an origin such as 'https://app.example.com"],
  ['https://*.example.com/*', 'https://*.example.com'], ['https://*.Example.com', 'https://*.example.com'],
  ['https://app.example.com:99999', "an origin such as 'https://app.example.com"], ['Capacitor://localhost', 'capacitor://localhost'],
  ['https://a b.test', "an origin such as 'https://app.example.com"], ['NULL', 'https://null'], ['x://:1', 'x:'],
  ['http://192.168.300.*', "an origin such as 'https://app.example.com"]
]

t.test('origins: a pattern that can never match is refused at registration', async (t) => {
  for (const [pattern, suggestion] of useless) {
    const app = fastify()
    t.teardown(() => app.close())
    const refusal = (error: { code: string, message: string }) => {
      t.equal(error.code, 'FST_CHANNELS_OPTIONS')
      t.match(error.message, `'${pattern}' in 'origins' can never match: pass `)
      t.match(error.message, suggestion)
    }
    await app.register(channels, { origins: [pattern] }).then(() => t.fail(pattern), refusal)
  }
})

/** What allows sites of anyone. */
const open: ReadonlyArray<string | RegExp> = [
  'https://*', 'https://*.*', 'https://*.*.*', 'https://*.*.*.*', 'http://*:3000', 'https://*.', 'https://app.*.',
  'https://app.example.c*', 'https://app.*m', 'http://192.168.*', 'http://1.2.3.4.*', 'http://192.168.1.1*',
  'http://192.168.x.*', 'https://app.example.*:*',
  /^https:\/\/a\.com|https:\/\/b\.com$/, /^https:\/\/a\.com|^https:\/\/b\.com$/, /^https:\/\/(a\.com|b\.com$)/,
  /^https:\/\/a\.com$|/, /^https:\/\/a\.com(?!x)/, /^https:\/\/a\.com\$/, /^https:\/\/a\.com[$]/, /^https:\/\/a\.com($)?/,
  /^https:\/\/a\.com$|b\.com$/, /(^https:\/\/)?a\.com$/, /\.?a\.com$/, /(?<!x)a\.com$/, /(\.|a)\.com$/, /:3000$/, /(?:)/
]

t.test('origins: a pattern that allows sites of anyone is refused at registration', async (t) => {
  for (const pattern of open) {
    t.throws(() => originCheck(pattern), {
      code: 'FST_CHANNELS_OPTIONS', message: /allows every top-level domain|so it also allows names/
    }, String(pattern))
  }
})

t.test('origins: the refusal and its log line name both origins, shortened', async (t) => {
  const sink = new LogSink()
  const app = await start(t, undefined, { logger: { level: 'info', stream: sink }, ...behindProxy })
  const headers = { host: 'a.test', [xProto]: 'https', origin: `https://${'x'.repeat(5_000)}` }
  const answer = await app.inject({ url: '/ws', headers })
  const names = /'https:\/\/x{92}…'.*'https:\/\/a\.test'/
  t.match(answer.json(), { message: names })
  t.match(sink.lines.find((line) => line.err !== undefined), { err: { message: names } })
})
