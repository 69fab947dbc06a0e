import { handshake, key, plain, type RequestParts } from './http.ts'

/** How the socket ends after the answer: by the server at once, by the server at its upgrade deadline, or by us. */
export type Ending = 'at once' | 'at the deadline' | 'by us'

export interface HttpExpectation {
  readonly status: number
  readonly ending: Ending
  readonly headers?: Readonly<Record<string, string | RegExp>>
  readonly body?: RegExp
}

/** The bytes are made of an `Authorization` header's value. */
export type HttpRow =
  readonly [name: string, bytes: (authorization: string) => string | Buffer, expected: HttpExpectation]

const upgrade = (parts: RequestParts) =>
  (authorization: string) => handshake({ ...parts, headers: { authorization, ...parts.headers } })
const request = (parts: RequestParts) =>
  (authorization: string) => plain({ ...parts, headers: { authorization, ...parts.headers } })
const refused = (status: number, more: Partial<HttpExpectation> = {}): HttpExpectation => ({
  status, ending: 'at once', headers: { connection: /close/ }, ...more
})
const answered = (status: number, more: Partial<HttpExpectation> = {}): HttpExpectation => ({
  status, ending: 'by us', ...more
})
const switched = answered(101, { headers: { upgrade: 'websocket' } })
const upgradeRequired = { headers: { upgrade: 'websocket' } }
const version13 = { headers: { 'sec-websocket-version': '13', upgrade: 'websocket', connection: 'close, upgrade' } }
const noList = { body: /FST_CHANNELS_BAD_HANDSHAKE.*Wrong Sec-WebSocket-Protocol: send a list of tokens/ }
const twice = { body: /FST_CHANNELS_BAD_HANDSHAKE.*The same subprotocol is offered twice: offer each one once/ }
const explained = { body: /offer 'fastify-channels\.v1' too, or no subprotocol/ }

const protocols = (offered: string | readonly string[]) => upgrade({ headers: { 'sec-websocket-protocol': offered } })
const keyed = (value: string | readonly string[] | undefined) => upgrade({ headers: { 'sec-websocket-key': value } })
const version = (value: string | readonly string[] | undefined) =>
  upgrade({ headers: { 'sec-websocket-version': value } })
const elsewhere = (path: string) => upgrade({ path })

/** What is no handshake, or one that is not for us. */
export const handshakeRows: readonly HttpRow[] = [
  ['a sound handshake is switched', upgrade({}), switched],
  [
    'the names of the upgrade and of its header may be written in any case',
    upgrade({ headers: { upgrade: 'WebSocket', connection: 'keep-alive, UPGRADE' } }),
    switched
  ],

  ['a plain GET is told to upgrade', request({}), answered(426, upgradeRequired)],
  ['no Upgrade header', upgrade({ headers: { upgrade: undefined } }), answered(426, upgradeRequired)],
  ['Connection: keep-alive', upgrade({ headers: { connection: 'keep-alive' } }), answered(426, upgradeRequired)],
  ['no Connection header', upgrade({ headers: { connection: undefined } }), answered(426, upgradeRequired)],
  ['Upgrade: h2c', upgrade({ headers: { upgrade: 'h2c' } }), answered(426, upgradeRequired)],
  [
    'Upgrade: h2c, of a client that closes',
    upgrade({ headers: { upgrade: 'h2c', connection: 'Upgrade, close' } }),
    refused(426, { headers: { upgrade: 'websocket', connection: 'close, upgrade' } })
  ],
  ['Upgrade: h2c on an HTTP-only path', upgrade({ path: '/plain', headers: { upgrade: 'h2c' } }), answered(200)],
  ['a choice of upgrades', upgrade({ headers: { upgrade: 'websocket, h2c' } }), refused(400)],
  ['Upgrade twice', upgrade({ headers: { upgrade: ['websocket', 'websocket'] } }), refused(400)],
  ['a POST that upgrades', upgrade({ method: 'POST' }), refused(404)],
  ['a plain POST', request({ method: 'POST', headers: { 'content-length': '0' } }), answered(404)],
  ['a HEAD that upgrades', upgrade({ method: 'HEAD' }), refused(404, { body: /^$/ })],
  ['an OPTIONS that upgrades', upgrade({ method: 'OPTIONS' }), refused(404)],
  // RFC 9110 section 7.8: a server must ignore an Upgrade in HTTP/1.0; RFC 6455 section 4.2.1 wants a Host.
  ['no Host', upgrade({ headers: { host: undefined } }), refused(400)],
  ['HTTP/1.0', upgrade({ version: 'HTTP/1.0' }), refused(426)],
  ['HTTP/1.0 on an HTTP-only path', upgrade({ version: 'HTTP/1.0', path: '/plain' }), refused(200)],

  ['no key', keyed(undefined), refused(400)],
  ['an empty key', keyed(''), refused(400)],
  ['a short key', keyed('c2hvcnQ='), refused(400)],
  ['a long key', keyed(`${key}${key}`), refused(400)],
  ['a key that is no base64', keyed('!!!!!!!!!!!!!!!!!!!!!!=='), refused(400)],
  ['two keys', keyed([key, key]), refused(400)],

  ['no version', version(undefined), refused(426, version13)],
  ['version 12', version('12'), refused(426, version13)],
  ['version 8', version('8'), refused(426, version13)],
  ['version 013', version('013'), refused(426, version13)],
  ['two versions', version(['13', '13']), refused(426, version13)],

  [
    'our subprotocol among others',
    protocols('other, fastify-channels.v1'),
    answered(101, { headers: { 'sec-websocket-protocol': 'fastify-channels.v1' } })
  ],
  ['a bad subprotocol token', protocols('fastify-channels.v1, a b'), refused(400, noList)],
  ['a subprotocol with control characters', protocols('fastify-channels.v1, a\tb'), refused(400, noList)],
  ['a subprotocol with a space of Unicode', protocols('fastify-channels.v1, a\u00a0'), refused(400, noList)],
  ['a subprotocol in quotes', protocols('"fastify-channels.v1"'), refused(400, noList)],
  ['a subprotocol twice', protocols('fastify-channels.v1, fastify-channels.v1'), refused(400, twice)],
  ['another subprotocol twice', protocols('a, fastify-channels.v1 ,a'), refused(400, twice)],
  ['an empty subprotocol', protocols(''), refused(400, noList)],
  ['an empty subprotocol beside ours', protocols('fastify-channels.v1, '), refused(400, noList)],
  ['only commas for subprotocols', protocols(',,,'), refused(400, noList)],
  ['10,000 spaces and commas', protocols(`${' '.repeat(5_000)},${' '.repeat(5_000)}`), refused(400, noList)],
  [
    'only a token offered',
    protocols('bearer.abc'),
    refused(400, { body: /A token is the only subprotocol offered: offer 'fastify-channels\.v1' too/ })
  ],
  [
    'only an encoded token offered',
    protocols('bearer64.YWJj'),
    refused(400, { body: /A token is the only subprotocol offered: offer 'fastify-channels\.v1' too/ })
  ],
  ['an unknown protocol version', protocols('fastify-channels.v2'), refused(400, explained)],
  ['our subprotocol in capitals', protocols('FASTIFY-CHANNELS.V1'), refused(400, explained)],
  ['the name of an object\'s property as a subprotocol', protocols('__proto__'), refused(400, explained)],
  [
    '1,000 subprotocols', protocols(Array.from({ length: 1_000 }, (_, i) => `p${i}`).join(',')), refused(400, explained)
  ],

  [
    'malformed extensions, deflate off',
    upgrade({ headers: { 'sec-websocket-extensions': 'permessage-deflate; ;=,,"' } }),
    switched
  ],
  [
    'deflate offered is not taken up',
    upgrade({ headers: { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits=99' } }),
    answered(101, { headers: {} })
  ],

  ['an unknown path', elsewhere('/nowhere'), refused(404)],
  ['an HTTP-only path', elsewhere('/plain'), refused(404)],
  ['the path with a slash too many', elsewhere('/lab/'), refused(404)],
  ['a path that climbs', elsewhere('/lab/../../etc/passwd'), refused(404)],
  ['a path that climbs, encoded', elsewhere('/open/%2e%2e%2f%2e%2e%2fetc'), answered(101)],
  ['a path that ends in NUL', elsewhere('/lab%00'), refused(404)],
  ['an absolute URL', elsewhere('http://127.0.0.1/lab'), switched],
  ['no path', elsewhere('*'), refused(404)],
  ['`/%zz`', elsewhere('/%zz'), refused(400)],
  ['a param of 200 characters', elsewhere(`/open/${'x'.repeat(200)}`), refused(414)],
  [
    'a query that would set prototypes',
    elsewhere('/lab?__proto__[polluted]=1&__proto__=1&constructor.prototype.polluted=1'),
    switched
  ],
  [
    'a header that would set prototypes',
    upgrade({ headers: { ['__proto__']: 'polluted', constructor: 'polluted' } }),
    switched
  ],
  ['CR LF in the query', elsewhere('/nowhere?token=%0d%0aSet-Cookie:%20a=b'), refused(404)],
  [
    'a token in the query of an unknown path',
    elsewhere('/nowhere?token=hunter2&token=hunter2'),
    refused(404, { body: /token=\[redacted\]/ })
  ],
  [
    'a token in the query of an unknown path, its name encoded',
    elsewhere('/nowhere?a=1&%74oken=hunter2'),
    refused(404, { body: /a=1&%74oken=\[redacted\]/ })
  ],
  [
    'a token in the query of `/%zz`',
    elsewhere('/%zz?token=hunter2'),
    refused(400, { body: /token=\[redacted\]/ })
  ],
  ['a query shaped to slow a regular expression down', elsewhere(`/nowhere?${'?token=&'.repeat(1_500)}`), refused(404)],

  [
    'a body that comes with the upgrade',
    (authorization) => `${handshake({ headers: { authorization, 'content-length': '5' } })}hello`,
    refused(400)
  ],
  [
    'a chunked body that comes with the upgrade',
    (authorization) => `${handshake({ headers: { authorization, 'transfer-encoding': 'chunked' } })}0\r\n\r\n`,
    refused(400)
  ],
  ['an empty body', upgrade({ headers: { 'content-length': '0' } }), switched],
  ['two Hosts', upgrade({ headers: { host: ['127.0.0.1', 'evil.test'] } }), refused(400)],
  ['two Hosts in a plain request', request({ headers: { host: ['127.0.0.1', 'evil.test'] } }), answered(400)],
  [
    'an Origin behind 2,100 headers',
    upgrade({ headers: { a: Array<string>(2_100).fill(''), origin: 'https://evil.test' } }),
    refused(403)
  ],
  ['Expect: 100-continue', upgrade({ headers: { expect: '100-continue' } }), switched]
]

const unparsed = (status: number) => refused(status, { headers: {} })
const badRequest = unparsed(400)

/** What Node's own parser refuses: Fastify never sees it. */
export const parserRows: readonly HttpRow[] = [
  ['a header of 17 KB', upgrade({ headers: { 'x-long': 'x'.repeat(17 * 1024) } }), unparsed(431)],
  ['a URL of 20 KB', elsewhere(`/lab?${'x'.repeat(20 * 1024)}`), unparsed(431)],
  [
    '17 KB of small headers',
    upgrade({ headers: Object.fromEntries(Array.from({ length: 1_700 }, (_, i) => [`x-${i}`, 'x'.repeat(8)])) }),
    unparsed(431)
  ],
  ['bare LF', (authorization) => upgrade({})(authorization).replaceAll('\r\n', '\n'), badRequest],
  ['a bare CR in a header', upgrade({ headers: { 'x-a': 'a\rb: c' } }), badRequest],
  ['NUL in a header', upgrade({ headers: { 'x-a': 'a\0b' } }), badRequest],
  [
    'a space before the colon',
    (authorization) => upgrade({})(authorization).replace('upgrade:', 'upgrade :'),
    badRequest
  ],
  ['no Host', request({ headers: { host: undefined } }), badRequest],
  [
    'Content-Length and Transfer-Encoding',
    request({ method: 'POST', path: '/plain', headers: { 'content-length': '5', 'transfer-encoding': 'chunked' } }),
    badRequest
  ],
  [
    'Content-Length and Transfer-Encoding in an upgrade',
    upgrade({ headers: { 'content-length': '5', 'transfer-encoding': 'chunked' } }),
    badRequest
  ],
  [
    'two Content-Lengths',
    request({ method: 'POST', path: '/plain', headers: { 'content-length': ['5', '6'] } }),
    badRequest
  ],
  ['TLS bytes', () => Buffer.from('160301020001000 1fc0303'.replace(' ', ''), 'hex'), badRequest],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', badRequest],
  ['a method that does not exist', upgrade({ method: 'JOIN' }), badRequest],
  ['a version of HTTP that does not exist', upgrade({ version: 'HTTP/9.9' }), badRequest],
  ['WebSocket frames without a handshake', () => Buffer.from('818512345678', 'hex'), badRequest],
  ['no HTTP at all', () => '\r\n\r\n\0\0\0 hello \r\n\r\n', badRequest]
]
