import { generateKeyPairSync } from 'node:crypto'
import type { FastifyJWTOptions, SignOptions } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import type { JwtNamespace } from '../../plugins/authentication/token-verifier.ts'
import { secret } from './serve.ts'

type Verify = NonNullable<FastifyJWTOptions['verify']>
type Claims = Readonly<Record<string, unknown>>

/** One way to register @fastify/jwt, the tokens that it then accepts, and those that it refuses. */
export interface JwtRow {
  readonly jwt: Partial<FastifyJWTOptions>
  readonly route?: JwtNamespace
  readonly sign?: Partial<SignOptions>
  /** Of the accepted token, on top of `sub: 'ann'`, a `jti`, and `exp` in ten minutes. */
  readonly claims?: Claims
  /** The headers that a token travels in. */
  readonly headers?: (token: string) => Record<string, string>
  readonly query?: (token: string) => string
  /** What `ctx.user` is, or has. */
  readonly user?: object | string
  /** Seconds from now until the accepted token ends. `false`: it never does. */
  readonly lasts?: number | false
  /** Refused tokens, and the reason that is logged. A text is a whole token. */
  readonly refused: ReadonlyArray<readonly [claims: Claims | string, reason: RegExp, sign?: Partial<SignOptions>]>
}

/** Whole seconds since 1970. */
const now = Math.floor(Date.now() / 1_000)

export const inSeconds = (seconds: number): number => now + seconds

const [first, second] = [keyPair(), keyPair()]
const jwks: Readonly<Record<string, string>> = { k1: first.publicKey, k2: second.publicKey }

const expired: JwtRow['refused'][number] = [{ exp: inSeconds(-5) }, /^Authorization token expired$/]
const forged: JwtRow['refused'][number] = [{}, /^Authorization token is invalid: /, { key: 'another secret' }]
const inHeader = (name: string) => (token: string) => ({ [name]: token })
const inCookie = (token: string) => ({ cookie: `session=${token}` })

/** A row for each option of a registration, so that a new one of @fastify/jwt does not compile. */
const options: Readonly<Record<Exclude<keyof FastifyJWTOptions, 'decode' | 'verify'>, readonly JwtRow[]>> = {
  secret: [
    { jwt: {}, refused: [expired, forged, ['garbage', /malformed/], [{ nbf: inSeconds(500) }, /will be active/]] },
    { jwt: { secret: Buffer.from(secret) }, refused: [expired] },
    {
      jwt: { secret: { public: first.publicKey, private: first.privateKey } },
      refused: [expired, [{}, /signature is invalid/, { key: second.privateKey }]]
    },
    {
      jwt: { secret: async (request: FastifyRequest) => tenantOf(request) },
      sign: { key: 'secret of t1' },
      headers: (token) => ({ authorization: `Bearer ${token}`, 'x-tenant': 't1' }),
      refused: [
        [{ exp: inSeconds(-5) }, /expired/, { key: 'secret of t1' }], [{}, /signature is invalid/, { key: 'secret of t2' }]
      ]
    },
    {
      jwt: { secret: (request, _token, callback) => callback(null, tenantOf(request)) },
      sign: { key: 'secret of t1' },
      headers: (token) => ({ authorization: `Bearer ${token}`, 'x-tenant': 't1' }),
      refused: [[{}, /signature is invalid/, { key: 'secret of t2' }]]
    },
    {
      jwt: {
        decode: { complete: true },
        secret: async (_request: FastifyRequest, { header }: { header: { kid: string } }) => keyOf(header.kid)
      } as Partial<FastifyJWTOptions>,
      sign: { key: second.privateKey, kid: 'k2', algorithm: 'ES256' },
      refused: [
        [{}, /signature is invalid/, { key: first.privateKey, kid: 'k2', algorithm: 'ES256' }],
        [{ exp: inSeconds(-5) }, /expired/, { key: first.privateKey, kid: 'k1', algorithm: 'ES256' }],
        [{}, /^no key 'k3'$/, { key: first.privateKey, kid: 'k3', algorithm: 'ES256' }]
      ]
    }
  ],
  sign: [{
    jwt: { sign: { expiresIn: '300s', clockTimestamp: inSeconds(0) * 1_000 } },
    claims: { exp: undefined },
    lasts: 300,
    refused: []
  }],
  cookie: [
    { jwt: { cookie: { cookieName: 'session', signed: false } }, headers: inCookie, refused: [expired, forged] },
    { jwt: { cookie: { cookieName: 'session', signed: false } }, refused: [expired] },
    { jwt: { cookie: { cookieName: 'session', signed: true } }, headers: inCookie, refused: [expired] }
  ],
  messages: [{
    jwt: { messages: { authorizationTokenExpiredMessage: 'too late', authorizationTokenInvalid: () => 'no good' } },
    refused: [[{ exp: inSeconds(-5) }, /^too late$/], [{}, /^no good/, { key: 'another secret' }]]
  }],
  trusted: [
    {
      jwt: { trusted: ({ headers }, { device }) => headers['x-device'] === device },
      headers: (token) => ({ authorization: `Bearer ${token}`, 'x-device': 'd1' }),
      claims: { device: 'd1' },
      refused: [expired, [{ device: 'd2' }, /^Untrusted authorization token$/]]
    },
    {
      jwt: { trusted: async (_request, { jti }) => jti !== 'stolen' },
      refused: [[{ jti: 'stolen' }, /^Untrusted authorization token$/]]
    },
    {
      jwt: {
        trusted: async (_request, { device }) => {
          if (device === 'd2') throw Object.assign(new Error('an unknown device'), { statusCode: 401 })
          return true
        }
      },
      refused: [[{ device: 'd2' }, /^an unknown device$/]]
    }
  ],
  formatUser: [
    {
      jwt: formatUser(({ nick }) => ({ id: 'ann', name: nick })),
      claims: { sub: 'a subject', nick: 'Ann' },
      user: { id: 'ann', name: 'Ann' },
      refused: [expired]
    },
    { jwt: formatUser(() => ({ name: 'no id' })), user: { name: 'no id' }, refused: [expired] },
    { jwt: formatUser(() => 'a text'), user: 'a text', refused: [expired] }
  ],
  namespace: [
    { jwt: { namespace: 'admin' }, route: 'admin', refused: [expired, forged] },
    { jwt: { namespace: 'admin', decode: { complete: true } }, route: 'admin', refused: [expired] }
  ],
  jwtVerify: [
    {
      jwt: { namespace: 'admin', jwtVerify: 'adminVerify' },
      route: { namespace: 'admin', jwtVerify: 'adminVerify' },
      refused: [expired, forged]
    },
    { jwt: { jwtVerify: 'ignoredWithoutNamespace' }, refused: [expired] }
  ],
  jwtDecode: [{ jwt: { namespace: 'admin', jwtDecode: 'adminDecode' }, route: 'admin', refused: [expired] }],
  jwtSign: [{ jwt: { namespace: 'admin', jwtSign: 'adminSign' }, route: 'admin', refused: [expired] }],
  decoratorName: [{ jwt: { decoratorName: 'token' }, user: { sub: 'ann' }, refused: [expired] }]
}

const decode: Readonly<Record<keyof NonNullable<FastifyJWTOptions['decode']>, readonly JwtRow[]>> = {
  complete: [{ jwt: { decode: { complete: true } }, refused: [expired, forged] }],
  checkTyp: [{ jwt: { decode: { checkTyp: 'JWT' } }, refused: [[{}, /type must be "JWT"/, { header: { alg: 'HS256', typ: 'X' } }]] }]
}

const verify: Readonly<Record<keyof Verify, readonly JwtRow[]>> = {
  algorithms: [{
    jwt: { verify: { algorithms: ['HS512'] } },
    sign: { algorithm: 'HS512' },
    refused: [[{}, /algorithm is invalid/, { algorithm: 'HS256' }]]
  }],
  complete: [
    { jwt: { verify: { complete: true } }, user: { payload: { sub: 'ann' }, header: {} }, refused: [expired, forged] },
    { jwt: { verify: { complete: true }, decode: { complete: true } }, refused: [expired] }
  ],
  cache: [{ jwt: { verify: { cache: true } }, refused: [expired, forged] }],
  cacheTTL: [{ jwt: { verify: { cache: 5, cacheTTL: 1 } }, refused: [expired] }],
  errorCacheTTL: [{ jwt: { verify: { cache: true, errorCacheTTL: 60_000 } }, refused: [expired] }],
  cacheKeyBuilder: [{ jwt: { verify: { cacheKeyBuilder: (token) => token } }, refused: [expired] }],
  allowedJti: [{ jwt: { verify: { allowedJti: /^j/ } }, refused: [[{ jti: 'x' }, /jti claim value/]] }],
  allowedAud: [{
    jwt: { verify: { allowedAud: ['chat', 'app'] } }, claims: { aud: 'chat' }, refused: [[{ aud: 'x' }, /aud claim/]]
  }],
  allowedIss: [{ jwt: { verify: { allowedIss: 'us' } }, claims: { iss: 'us' }, refused: [[{ iss: 'x' }, /iss claim/]] }],
  allowedSub: [{ jwt: { verify: { allowedSub: /^ann$/ } }, refused: [[{ sub: 'bob' }, /sub claim value/]] }],
  allowedNonce: [{
    jwt: { verify: { allowedNonce: 'n' } }, claims: { nonce: 'n' }, refused: [[{ nonce: 'x' }, /nonce claim value/]]
  }],
  ignoreExpiration: [
    { jwt: { verify: { ignoreExpiration: true } }, claims: { exp: inSeconds(-5) }, lasts: false, refused: [forged] }
  ],
  ignoreNotBefore: [
    { jwt: { verify: { ignoreNotBefore: true } }, claims: { nbf: inSeconds(900) }, refused: [expired] }
  ],
  maxAge: [
    {
      jwt: { verify: { maxAge: 500 } },
      claims: { iat: inSeconds(-100) },
      lasts: 400,
      refused: [[{ iat: inSeconds(-501) }, /^Authorization token expired$/]]
    },
    { jwt: { verify: { maxAge: '8m' } }, claims: { iat: inSeconds(-80), exp: undefined }, lasts: 400, refused: [] },
    { jwt: { verify: { maxAge: '2h' } }, claims: { iat: inSeconds(-100) }, refused: [expired] },
    { jwt: { verify: { maxAge: 50 } }, claims: { iat: undefined }, sign: { noTimestamp: true }, refused: [] }
  ],
  clockTimestamp: [{
    jwt: { verify: { clockTimestamp: 1_000_000 } },
    claims: { exp: 1_001 },
    lasts: false,
    refused: [[{ exp: 999 }, /^Authorization token expired$/]]
  }],
  clockTolerance: [{
    jwt: { verify: { clockTolerance: 600_000 } },
    claims: { exp: inSeconds(-300) },
    lasts: 300,
    refused: [[{ exp: inSeconds(-601) }, /^Authorization token expired$/]]
  }],
  requiredClaims: [
    { jwt: { verify: { requiredClaims: ['exp'] } }, refused: [[{ exp: undefined }, /exp claim is required/]] }
  ],
  checkTyp: [{ jwt: { verify: { checkTyp: 'jwt' } }, refused: [[{}, /Invalid typ/, { header: { alg: 'HS256', typ: 'X' } }]] }],
  allowedCritHeaders: [{
    jwt: { verify: { allowedCritHeaders: ['ours'] } },
    sign: { header: { alg: 'HS256', crit: ['ours'], ours: 1 } },
    refused: [[{}, /extension "theirs" is not supported/, { header: { alg: 'HS256', crit: ['theirs'], theirs: 1 } }]]
  }],
  onlyCookie: [{
    jwt: { cookie: { cookieName: 'session', signed: false }, verify: { onlyCookie: true } },
    headers: (token) => ({ ...inCookie(token), authorization: 'Bearer garbage' }),
    refused: [expired, forged]
  }],
  key: [{
    jwt: { verify: { key: first.publicKey }, sign: { key: first.privateKey } },
    refused: [[{}, /signature is invalid/, { key: second.privateKey }]]
  }],
  extractToken: [
    {
      jwt: { verify: { extractToken: ({ headers }) => headers['x-token'] as string } },
      headers: inHeader('x-token'),
      refused: [expired, forged]
    },
    {
      jwt: { verify: { extractToken: ({ query }) => (query as { token?: string }).token as string } },
      headers: () => ({}),
      query: (token) => `?token=${token}`,
      refused: [expired]
    },
    {
      jwt: { verify: { extractToken: ({ headers }) => headers.authorization?.slice('Bearer '.length) as string } },
      refused: [expired]
    }
  ]
}

function keyPair () {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
}

/** The types of the demo give users one shape. */
function formatUser (format: (payload: Record<string, unknown>) => unknown): Partial<FastifyJWTOptions> {
  return { formatUser: format as unknown as NonNullable<FastifyJWTOptions['formatUser']> }
}

function tenantOf ({ headers }: FastifyRequest): string {
  return `secret of ${String(headers['x-tenant'])}`
}

function keyOf (kid: string): string {
  const key = jwks[kid]
  if (key === undefined) throw Object.assign(new Error(`no key '${kid}'`), { statusCode: 401 })
  return key
}

/** Every option of @fastify/jwt with its rows, in groups. */
export const jwtRows: ReadonlyArray<ReadonlyArray<readonly [name: string, row: JwtRow]>> =
  Object.entries({ options, decode, verify }).map(([group, table]) =>
    Object.entries(table).flatMap(([name, rows]: [string, readonly JwtRow[]]) =>
      rows.map((row, i) => [`${group === 'options' ? '' : `${group}.`}${name} (${i + 1})`, row] as const)))
