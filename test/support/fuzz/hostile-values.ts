import fc from 'fast-check'

/** JSON that `JSON.stringify` does not write. */
export class Raw {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

const nested = (depth: number) => new Raw('['.repeat(depth) + ']'.repeat(depth))

/** What programs of strangers send in the place of a value. */
const strange: readonly unknown[] = [
  null, 0, -1, '', 'x'.repeat(300), true, [], {}, [null], '\ud800', 'a\udc00b', { '\ud83d': 1 }, { a: ['\ud83d'] },
  ...['1e400', '-1e400', '1e-400', '-0', '9007199254740993', '123456789012345678901234567890', '1E2', '0.1e1'].map(
    (text) => new Raw(text)),
  ...['{"__proto__":{"polluted":1}}', '{"\\u005f_proto__":1}', '{"constructor":{"prototype":{"polluted":1}}}',
    '{"constructor":1}', '{"a":1,"a":2}', '{"prototype":1}'].map((text) => new Raw(text)),
  ...[20, 60, 61, 62, 63, 64, 65, 2_000].map(nested)
]

export interface Mutation {
  /** Which member of a member, each counted from 0. */
  readonly path: readonly number[]
  readonly how: 'replace' | 'remove' | 'add'
  readonly by: unknown
}

export const mutations: fc.Arbitrary<Mutation> = fc.record({
  path: fc.array(fc.nat(5), { maxLength: 3 }),
  how: fc.constantFrom('replace', 'remove', 'add'),
  by: fc.constantFrom(...strange)
})

/** A copy of the value in which the part at the path is another one. */
export function mutate (value: unknown, { path, how, by }: Mutation): unknown {
  const [first, ...rest] = path
  if (typeof value !== 'object' || value === null || value instanceof Raw) return how === 'replace' ? by : value
  const entries = Object.entries(value)
  if (first === undefined || entries.length === 0) {
    if (how === 'add') return withEntries(value, [...entries, [`extra${entries.length}`, by]])
    return how === 'replace' ? by : value
  }
  const at = first % entries.length
  const isHere = how === 'remove' && rest.length === 0
  return withEntries(value, entries.flatMap(([name, item], i): Array<[string, unknown]> =>
    i !== at ? [[name, item]] : isHere ? [] : [[name, mutate(item, { path: rest, how, by })]]))
}

function withEntries (like: object, entries: ReadonlyArray<[string, unknown]>): unknown {
  return Array.isArray(like) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

/** How a value is written: all of it is valid JSON with the same meaning. */
export interface Spelling {
  /** A byte order mark. */
  readonly bom: boolean
  readonly spaces: boolean
  /** Every letter as `\\u0061`. */
  readonly escapes: boolean
  readonly twice: boolean
}

export const spellings: fc.Arbitrary<Spelling> = fc.record({
  bom: fc.constantFrom(false, false, false, true),
  spaces: fc.boolean(),
  escapes: fc.boolean(),
  twice: fc.constantFrom(false, false, true)
})

/** Writes a value as JSON. With `twice` each member stands before itself once more, with another value. */
export function write (value: unknown, spelling: Spelling): string {
  return (spelling.bom ? '\ufeff' : '') + writeValue(value, spelling)
}

function writeValue (value: unknown, spelling: Spelling): string {
  const { spaces, twice } = spelling
  const [space, comma] = spaces ? [' \n', ' ,\t'] : ['', ',']
  if (value instanceof Raw) return value.text
  if (typeof value === 'string') return writeString(value, spelling)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => space + writeValue(item, spelling)).join(comma)}${space}]`
  const members = Object.entries(value).filter(([, item]) => item !== undefined).flatMap(([name, item]) => {
    const start = `${space}${writeString(name, spelling)}${space}:`
    return [...twice ? [`${start}"another"`] : [], start + writeValue(item, spelling)]
  })
  return `{${members.join(comma)}${space}}`
}

function writeString (text: string, { escapes }: Spelling): string {
  const escape = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  return escapes ? `"${text.split('').map(escape).join('')}"` : JSON.stringify(text)
}
