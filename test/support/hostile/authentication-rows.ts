import { fromNow, hs256, makeKeys, notSigned, rs256, swapped, type Keys } from './tokens.ts'

/** What identifies at the server of these rows: RS256, for one audience, from one issuer. */
export const audience = 'https://channels.example'
export const issuer = 'https://login.example'

export const claimsOf = (name: string) => ({
  sub: `id-of-${name}`, name, aud: audience, iss: issuer, iat: fromNow(-60)
})

const claims = claimsOf('mallory')
const admin = { ...claims, sub: 'id-of-admin' }
const others = makeKeys()

/** A token made with the server's own keys at hand, so that one thing only is wrong with it. */
export type TokenRow = readonly [name: string, token: (keys: Keys) => string]

export const tokenRows: readonly TokenRow[] = [
  ['garbage', () => 'garbage'],
  ['an empty token', () => ''],
  ['dots', () => '..'],
  ['no JSON in base64', () => 'bm8.bm8.bm8'],
  ['lists in place of objects', () => 'W10.W10.W10'],
  ['15 KB of it', () => 'x'.repeat(15_000)],
  ['two parts', ({ privateKey }) => rs256(claims, privateKey).split('.').slice(0, 2).join('.')],
  ['no signature', ({ privateKey }) => rs256(claims, privateKey).replace(/\.[^.]*$/, '.')],
  ['four parts', ({ privateKey }) => `${rs256(claims, privateKey)}.x`],
  ['alg none', () => notSigned('none', admin)],
  ['alg None', () => notSigned('None', admin)],
  ['an empty alg', () => notSigned('', admin)],
  ['alg __proto__', () => notSigned('__proto__', admin)],
  ['alg RS256 without a signature', () => notSigned('RS256', admin)],
  ['HS256 signed with the RSA public key', ({ publicKey }) => hs256(admin, publicKey)],
  ['HS256 signed with the RSA public key, its end trimmed', ({ publicKey }) => hs256(admin, publicKey.trim())],
  ['HS256 with an empty secret', () => hs256(admin, '')],
  ['a signature of another key', () => rs256(admin, others.privateKey)],
  [
    'a signature of another key, that key in the header',
    () => rs256(admin, others.privateKey, { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } })
  ],
  [
    'a signature of another key, its address in the header',
    () => rs256(admin, others.privateKey, { jku: 'https://evil.test/keys', x5u: 'https://evil.test/cert' })
  ],
  ['a signature of other claims', ({ privateKey }) => swapped(rs256(claims, privateKey), admin)],
  ['kid with ../', () => hs256(admin, '', { kid: '../../../../dev/null' })],
  ['kid with SQL', () => hs256(admin, 'x', { kid: "' UNION SELECT 'x" })],
  ['expired', ({ privateKey }) => rs256({ ...claims, exp: fromNow(-1) }, privateKey)],
  ['expired long ago', ({ privateKey }) => rs256({ ...claims, exp: 1 }, privateKey)],
  ['exp in words', ({ privateKey }) => rs256({ ...claims, exp: 'tomorrow' }, privateKey)],
  ['nbf in the future', ({ privateKey }) => rs256({ ...claims, nbf: fromNow(3_600) }, privateKey)],
  ['a wrong aud', ({ privateKey }) => rs256({ ...claims, aud: 'https://other.example' }, privateKey)],
  ['no aud', ({ privateKey }) => rs256({ ...claims, aud: undefined }, privateKey)],
  ['a wrong iss', ({ privateKey }) => rs256({ ...claims, iss: 'https://evil.test' }, privateKey)],
  ['no iss', ({ privateKey }) => rs256({ ...claims, iss: undefined }, privateKey)]
]

/** Origins of pages that may not connect: `good` is one that may. */
export type OriginRow = readonly [name: string, origin: (good: URL) => string]

export const originRows: readonly OriginRow[] = [
  ['foreign', () => 'https://evil.test'],
  ['null', () => 'null'],
  ['empty', () => ''],
  ['garbage', () => 'garbage'],
  ['a star', () => '*'],
  ['the suffix trick', ({ protocol, hostname }) => `${protocol}//${hostname}.evil.test`],
  ['the suffix trick, with the port', ({ origin }) => `${origin}.evil.test`],
  ['the prefix trick', ({ protocol, host }) => `${protocol}//evil${host}`],
  ['another port', ({ protocol, hostname }) => `${protocol}//${hostname}:1`],
  ['the good host as a user name', ({ origin }) => `${origin}@evil.test`],
  ['the good host as a path', ({ host }) => `https://evil.test/${host}`],
  ['the good host as a fragment', ({ host }) => `https://evil.test#${host}`],
  ['two origins', ({ origin }) => `${origin}, https://evil.test`],
  ['a data URL', () => 'data:text/html,hello'],
  ['a file', () => 'file:///etc/passwd']
]
