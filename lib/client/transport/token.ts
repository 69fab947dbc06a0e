import { isStop, type StopConnecting } from './connect-error.ts'

/** Gives the token for the next connection. */
export type TokenSource = () => string | StopConnecting | Promise<string | StopConnecting>

/** Calls `token`. @throws {StopConnecting} also where `token` returns it. */
export async function tokenFrom (source: TokenSource | undefined): Promise<string | undefined> {
  const token = await source?.()
  if (isStop(token)) throw token
  return token
}

/**
 * How a token travels: the scheme of `Authorization`, in small letters also the prefix of the subprotocol, and the text
 * after it. A subprotocol has the characters of an RFC 9110 token, so others travel as base64url.
 */
export function carrierOf (token: string): [scheme: string, text: string] {
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(token)) return ['Bearer', token]
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(token)))
  return ['Bearer64', base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')]
}
