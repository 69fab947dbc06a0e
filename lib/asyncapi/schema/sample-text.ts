/**
 * A text that matches a regular expression, for examples. It knows literals, classes, groups, alternatives and
 * quantifiers. Undefined for anything else, such as a lookahead; the caller checks the text in any case.
 */
export function sampleText (pattern: string): string | undefined {
  try {
    const parser = new Parser([...pattern])
    const text = parser.alternatives()
    return parser.isDone ? text : undefined
  } catch {
    return undefined
  }
}

class Unsupported extends Error {}

const letters = [...'abcdefghijklmnopqrstuvwxyz']

/** The characters of a class that a sample may have, the readable ones first. */
const candidates = [...letters, ...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. !"#$%&\'()*+,/:;<=>?@[\\]^`{|}~\n\t']

/** How often an element stands in the sample that may stand any number of times. */
const usualTimes = 3

class Parser {
  readonly #chars: readonly string[]
  #at = 0

  constructor (chars: readonly string[]) {
    this.#chars = chars
  }

  get isDone (): boolean {
    return this.#at >= this.#chars.length
  }

  /** The sample of the first alternative. The others are read over. */
  alternatives (): string {
    const first = this.#sequence()
    while (this.#accept('|')) this.#sequence()
    return first
  }

  #sequence (): string {
    let text = ''
    while (!this.isDone && !'|)'.includes(this.#peek)) {
      const choices = this.#element()
      for (let i = 0, times = this.#times(); i < times; i++) text += choices[i % choices.length] as string
    }
    return text
  }

  /** The texts of one element, which follow each other where it is repeated. */
  #element (): readonly string[] {
    const char = this.#next()
    if (char === '[') return this.#class()
    if (char === '.') return letters
    if (char === '(') return [this.#group()]
    if (char === '\\') return [this.#escape()]
    return [char === '^' || char === '$' ? '' : char]
  }

  #group (): string {
    if (this.#accept('?')) this.#skipGroupKind()
    const text = this.alternatives()
    if (!this.#accept(')')) throw new Unsupported()
    return text
  }

  /** Reads over `:` and `<name>`. A lookahead is no part of the text. */
  #skipGroupKind (): void {
    if (this.#accept(':')) return
    const [name] = /^<\w+>/.exec(this.#rest) ?? []
    if (name === undefined) throw new Unsupported()
    this.#at += name.length
  }

  #class (): readonly string[] {
    const [source] = /^(?:[^\]\\]|\\.)*\]/s.exec(this.#rest) ?? []
    if (source === undefined) throw new Unsupported()
    this.#at += source.length
    const matches = new RegExp(`[${source}`, 'u')
    const found = candidates.filter((candidate) => matches.test(candidate)).slice(0, letters.length)
    if (found.length === 0) throw new Unsupported()
    return found
  }

  #escape (): string {
    const char = this.#next()
    const known: Readonly<Record<string, string>> = { d: '1', w: 'a', s: ' ', D: 'a', W: '-', S: 'a', n: '\n', t: '\t' }
    if (/[^\w\s]/.test(char)) return char
    const text = known[char]
    if (text === undefined) throw new Unsupported()
    return text
  }

  #times (): number {
    const [quantifier, min, max] = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})/.exec(this.#rest) ?? []
    if (quantifier === undefined) return 1
    this.#at += quantifier.length
    this.#accept('?')
    if (quantifier === '?') return 1
    if (min === undefined) return usualTimes
    return Math.max(Number(min), Math.min(usualTimes, max === '' ? usualTimes : Number(max ?? min)))
  }

  get #rest (): string {
    return this.#chars.slice(this.#at).join('')
  }

  get #peek (): string {
    return this.#chars[this.#at] ?? ''
  }

  #next (): string {
    const char = this.#chars[this.#at]
    if (char === undefined) throw new Unsupported()
    this.#at++
    return char
  }

  #accept (char: string): boolean {
    if (this.#peek !== char) return false
    this.#at++
    return true
  }
}
