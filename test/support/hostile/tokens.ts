import { createHmac, generateKeyPairSync, sign } from 'node:crypto'

/** Tokens made by hand: no library would sign these. */
export interface Keys { readonly publicKey: string, readonly privateKey: string }

export function makeKeys (): Keys {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
}

/** Seconds since 1970, as tokens count. */
export function fromNow (seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

const base64 = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const unsigned = (header: object, claims: object | string) => `${base64({ typ: 'JWT', ...header })}.${base64(claims)}`

export function rs256 (claims: object | string, privateKey: string, header: object = {}): string {
  const content = unsigned({ alg: 'RS256', ...header }, claims)
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
}

export function hs256 (claims: object | string, secret: string, header: object = {}): string {
  const content = unsigned({ alg: 'HS256', ...header }, claims)
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
}

export function notSigned (alg: string, claims: object): string {
  return `${unsigned({ alg }, claims)}.`
}

/** The token with other claims under the same signature. */
export function swapped (token: string, claims: object): string {
  const [header, , signature] = token.split('.')
  return `${header}.${base64(claims)}.${signature}`
}

/** Parts of a token that nothing may repeat: the header is the same in all of them, and no secret. */
export function secretsOf (token: string): string[] {
  return token.split('.').slice(1).filter((part) => part.length >= 20).map((part) => part.slice(-20))
}
