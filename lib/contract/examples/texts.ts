import { integerBetween, pick, type Random } from './random.ts'

const names = ['Ada', 'Ben', 'Chloe', 'Dev', 'Elif', 'Femi', 'Grace', 'Hugo', 'Ines', 'Jun', 'Kofi', 'Lena']
const words = ['apple', 'bridge', 'candle', 'delta', 'ember', 'forest', 'garden', 'harbour', 'island', 'jacket',
  'kettle', 'lantern', 'meadow', 'north', 'orange', 'paper', 'quiet', 'river', 'silver', 'table']
const hexDigits = [...'0123456789abcdef']
const colours = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728']

const hex = (random: Random, length: number) => Array.from({ length }, () => pick(random, hexDigits)).join('')
const sentence = (random: Random) => Array.from({ length: 3 }, () => pick(random, words)).join(' ')
const day = (random: Random) => `2026-0${integerBetween(random, 1, 9)}-1${integerBetween(random, 0, 9)}`
const time = (random: Random) => `1${integerBetween(random, 0, 9)}:3${integerBetween(random, 0, 9)}:00Z`

/** A uuid of version 4. */
function uuid (random: Random): string {
  return [hex(random, 8), hex(random, 4), `4${hex(random, 3)}`, `a${hex(random, 3)}`, hex(random, 12)].join('-')
}

const byFormat: Readonly<Record<string, (random: Random) => string>> = {
  'date-time': (random) => `${day(random)}T${time(random)}`,
  date: day,
  email: (random) => `${pick(random, names).toLowerCase()}@example.com`,
  hostname: (random) => `${pick(random, words)}.example.com`,
  ipv4: (random) => `192.0.2.${integerBetween(random, 1, 254)}`,
  ipv6: (random) => `2001:db8::${hex(random, 4)}`,
  time,
  uri: (random) => `https://example.com/${pick(random, words)}`,
  url: (random) => `https://example.com/${pick(random, words)}`,
  uuid
}

const byName: ReadonlyArray<readonly [name: RegExp, text: (random: Random) => string]> = [
  [/email$/i, byFormat['email'] as (random: Random) => string],
  [/(uri|url|link|href)$/i, byFormat['uri'] as (random: Random) => string],
  [/colou?r$/i, (random) => pick(random, colours)],
  [/(^|[a-z_-])(i|I)d$|^uuid$/, (random) => hex(random, 8)],
  [/(name|user|author|from)$/i, (random) => pick(random, names)],
  [/(text|message|body|description|title|comment|reason)$/i, sentence]
]

/**
 * A readable text: for a known `format` one of that format, else one that suits the name of the property, such as a
 * first name for `userName`.
 */
export function readableText (random: Random, property: string, format?: string): string {
  const make = byFormat[format ?? ''] ?? byName.find(([name]) => name.test(property))?.[1]
  return make === undefined ? pick(random, words) : make(random)
}

/** The text, cut or continued with words so that its length is one of `min` to `max`. */
export function fitted (random: Random, text: string, min: number, max: number): string {
  let whole = text
  while (whole.length < min) whole += ` ${pick(random, words)}`
  return whole.slice(0, Math.max(min, Math.min(max, text.length)))
}
