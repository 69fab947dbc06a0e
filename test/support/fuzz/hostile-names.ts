import type { Random } from '../random.ts'

/** Parts of names that could end a key, match other names, or be mistaken for another part. */
const hostile = [
  '', '', ' ', '  ', '.', '..', ':', ':history', '}', '{', '{}', '}:presence', '{c:', '%', '%7D', '%7d', '%2F', '*',
  '?', '[a-z]', '^', '\\', '"', "'", ',', '","', '|', '\n', '\r\n', '\u0000', '\t', 'null', 'undefined', '__proto__',
  'constructor', '0', '-1', 'é', 'e\u0301', 'ﬁ', 'fi', 'а', 'a', 'Ａ', 'A', 'ı', 'i', 'İ', '\u200b', '\u202e',
  '\ufeff', '😀', 'ß', 'ss', '$&', '#', '//'
]

/** Parts of names that look alike, or that a careless program takes for each other. */
const alike = [
  ['é', 'e\u0301'], ['ﬁ', 'fi'], ['а', 'a'], ['Ａ', 'A'], ['A', 'a'], ['ı', 'i'], ['İ', 'i'], ['ß', 'ss'], [' ', ''],
  ['\u200b', ''], ['\u0000', ''], ['\n', ''], ['%7D', '}'], ['%7d', '%7D'], ['%25', '%'], ['*', 'x'], ['?', 'x'],
  ['[x]', 'x'], ['\\x', 'x'], [':', ''], ['{', ''], ['}', ''], ['{}', ''], ['1', '01'], ['-0', '0'], ['null', '']
] as const

/** Two names that differ, perhaps in what only a computer sees. `own` stands in both of them. */
export function twoNames (random: Random, own: string): readonly [string, string] {
  const ends = () => [random.pick(hostile), random.pick(hostile)] as const
  const [start, end] = ends()
  const others = random.chance(60) ? random.pick(alike).map((part) => [start, part + end]) : [[start, end], ends()]
  const [first, second] = others.map(([start, end]) => `${start}${own}${end}`.replaceAll('/', ';')) as [string, string]
  return first === second ? twoNames(random, own) : [first, second]
}

/** A prefix for every name in Redis, as the options allow it. */
export function somePrefix (random: Random): string {
  return `${random.pick(hostile)}p${random.pick(hostile)}`.replaceAll(/[{}]/g, '-')
}

/** A `keyPrefix` of the application's client. */
export function someKeyPrefix (random: Random): string {
  return random.pick(hostile) + random.pick(hostile)
}
