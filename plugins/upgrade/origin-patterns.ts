import { InvalidOptions } from '../errors.ts'
import { checkExpression } from './origin-expressions.ts'

/** Whether a pattern allows an origin, which is in the form that browsers send. */
export type IsAllowed = (origin: string) => boolean

/** The longest origin: a scheme, a name of the DNS with its 253 characters, and a port. */
const maxOriginLength = 300

/** Such as `https://app.example.com:8443`, without a path. The host may be empty, as in `file://`. */
const shape = /^([a-z][a-z0-9+.-]*):\/\/(\[[\da-f:.]+\]|[^/?#@:[\]\s,]*)(?::(\d+|\*))?$/i

/**
 * The origin in the form that browsers send: in lower case, without the default port. Undefined for a text that is no
 * origin. `null` stands for a page without one.
 */
export function normalOrigin (text: string): string | undefined {
  if (text === 'null') return text
  const [, scheme = ''] = (text.length <= maxOriginLength && shape.exec(text)) || []
  if (scheme === '') return undefined
  if (!isHttp(scheme)) return text.toLowerCase()
  return URL.canParse(text) ? new URL(text).origin : undefined
}

/** @throws {InvalidOptions} for a pattern that no origin of a browser can match, or that allows more than it says */
export function matcherOf (pattern: string | RegExp): IsAllowed {
  return typeof pattern === 'string' ? matcherOfText(pattern) : matcherOfRegExp(pattern)
}

function matcherOfText (pattern: string): IsAllowed {
  if (pattern === 'null') return (origin) => origin === 'null'
  const [, schemeAlone] = /^([a-z][a-z0-9+.-]*):$/.exec(pattern) ?? []
  if (schemeAlone !== undefined) return matcherOfScheme(pattern, schemeAlone)
  checkStars(pattern)
  const [, scheme = '', host = '', port] = shape.exec(pattern) ?? []
  const isAddress = isAddressPattern(host)
  const sample = pattern.replace(/:\*$/, '').replaceAll('*', isAddress ? '1' : 'x')
  if (normalOrigin(sample) !== sample) throw neverMatches(pattern)
  checkScheme(pattern, scheme)
  if (host === '' && scheme !== 'file') throw neverMatches(pattern, `${scheme}:`)
  if (isHttp(scheme) && !isAddress && hasOpenEnd(host)) {
    throw new InvalidOptions(`'${pattern}' in 'origins' allows every top-level domain: write out the end of the name`)
  }
  const name = host.split('*').map(escaped).join(isAddress ? '\\d{1,3}' : '[a-z0-9_-]+')
  const suffix = port === undefined ? '' : port === '*' ? '(?::\\d+)?' : `:${port}`
  const expression = new RegExp(`^${escaped(scheme)}://${name}${suffix}$`)
  return (origin) => expression.test(origin)
}

function checkStars (pattern: string): void {
  if (pattern.includes(',') || /:\/\/.*[\s;].*:\/\//.test(pattern)) {
    const parts = pattern.split(/[\s,;]+/).filter((part) => part !== '').map((part) => `'${part}'`)
    throw new InvalidOptions(`'${pattern}' in 'origins' is a list in one text: pass an array, [${parts.join(', ')}]`)
  }
  if (pattern.includes('**')) {
    throw new InvalidOptions(`'${pattern}' in 'origins' has two stars in a row, but a star stands for one label: ` +
      `pass '${pattern.replaceAll(/\*+/g, '*')}', or a RegExp for any number of labels`)
  }
}

/** Four numbers, of which stars stand for some. A name of the DNS does not end with a number. */
function isAddressPattern (host: string): boolean {
  return /^(?:(?:\d+|\*)(?:\.|$)){4}$/.test(host) && /\d/.test(host)
}

/** Whether a star is in the top-level domain. A name of one label, such as `pc-*`, is no name of the internet. */
function hasOpenEnd (host: string): boolean {
  return /^\*\.?$|\.[^.]*\*[^.]*\.?$/.test(host)
}

/** All origins of a scheme, such as `capacitor:`. */
function matcherOfScheme (pattern: string, scheme: string): IsAllowed {
  checkScheme(pattern, scheme)
  if (isHttp(scheme)) throw new InvalidOptions(`'${pattern}' in 'origins' allows every page: pass '*' if that is meant`)
  return (origin) => origin.startsWith(`${pattern}//`)
}

/** What the pattern matches is compared without regard to case, as the names of hosts are. */
function matcherOfRegExp (pattern: RegExp): IsAllowed {
  checkExpression(pattern)
  // A pattern with the flag g or y would remember where it found the last origin.
  const expression = new RegExp(pattern.source, `${pattern.flags.replaceAll(/[giy]/g, '')}i`)
  return (origin) => expression.test(origin)
}

function checkScheme (pattern: string, scheme: string): void {
  // A browser sends the origin of the page, not that of the WebSocket.
  if (/^wss?$/.test(scheme)) throw neverMatches(pattern, pattern.replace(/^ws/, 'http'))
  if (/^(about|blob|data|javascript)$/.test(scheme)) throw neverMatches(pattern, 'null')
}

function neverMatches (pattern: string, suggestion = suggested(pattern)): InvalidOptions {
  return new InvalidOptions(`'${pattern}' in 'origins' can never match: pass ` +
    (suggestion === undefined ? "an origin such as 'https://app.example.com'" : `'${suggestion}'`))
}

/** The origin of a URL, also of one without its scheme. */
function suggested (pattern: string): string | undefined {
  const url = pattern.includes('://') ? pattern : `https://${pattern}`
  const origin = URL.canParse(url) ? new URL(url).origin : 'null'
  if (origin === pattern) return undefined
  return origin === 'null' ? normalOrigin(pattern) : origin
}

function isHttp (scheme: string): boolean {
  return /^https?$/i.test(scheme)
}

function escaped (text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
