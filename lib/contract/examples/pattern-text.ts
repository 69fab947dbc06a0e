import { integerBetween, pick, type Random } from './random.ts'

/** How often a part without an upper bound is repeated beyond its lower bound. */
const repetitions = 8

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => String.fromCharCode(from + i))
const printable = range(0x20, 0x7f)
/** What a class is searched for when no printable character of ASCII is in it, such as Cyrillic letters. */
const others = () => [...range(0, 0x20), ...range(0x7f, 0xd800)]
const plain = /[a-z0-9]/

const known = new Map<string, readonly string[]>()

function charactersOf (atom: string, flags: string): readonly string[] {
  const key = `${flags} ${atom}`
  const characters = known.get(key) ?? findCharacters(new RegExp(`^${atom}$`, flags))
  known.set(key, characters)
  return characters
}

/** The characters that an atom such as `[a-z]` or `\d` matches: letters and digits alone, if there are any. */
function findCharacters (one: RegExp): readonly string[] {
  const found = printable.filter((character) => one.test(character))
  const readable = found.filter((character) => plain.test(character))
  if (readable.length > 0) return readable
  return found.length > 0 ? found : others().filter((character) => one.test(character))
}

/** The parts of a pattern, in the order in which they are tried. */
const parts = {
  bounds: /\^|\$|\\b|\\B/y,
  lookaround: /\((?=\?<?[=!])/y,
  group: /\((?:\?(?::|<\w+>))?/y,
  atom: /\[(?:[^\\\]]|\\.)*\]|\\[pP]\{[^}]*\}|\\u[\da-fA-F]{4}|\\x[\da-fA-F]{2}|\\.|[^|)]/sy,
  quantifier: /([*+?]|\{(\d+)(,?)(\d*)\})\??/y
}

/**
 * A text that matches a regular expression. Lookarounds and references to groups are not followed, so the caller checks
 * the result. `isFull`: parts are repeated up to their upper bound.
 */
export function patternText (source: string, random: Random, isFull = false, flags = ''): string {
  return new PatternReader(source, random, isFull, flags).alternatives()
}

/** Reads a pattern from left to right, and makes its text at the same time. */
class PatternReader {
  readonly #source: string
  readonly #random: Random
  readonly #isFull: boolean
  readonly #flags: string
  #at = 0

  constructor (source: string, random: Random, isFull: boolean, flags: string) {
    this.#source = source
    this.#random = random
    this.#isFull = isFull
    this.#flags = flags.replace(/[gy]/g, '')
  }

  /** One of the alternatives up to the end of the pattern or the group. */
  alternatives (): string {
    const texts = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at++
      texts.push(this.#sequence())
    }
    return pick(this.#random, texts)
  }

  #sequence (): string {
    let text = ''
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] as string)) text += this.#repeated()
    return text
  }

  /** A part with its quantifier: made again for each repetition, so that the characters differ. */
  #repeated (): string {
    const start = this.#at
    const first = this.#part()
    const times = this.#times()
    const end = this.#at
    let text = times > 0 ? first : ''
    for (let i = 1; i < times; i++) {
      this.#at = start
      text += this.#part()
    }
    this.#at = end
    return text
  }

  #part (): string {
    if (this.#take(parts.bounds)) return ''
    if (this.#take(parts.lookaround)) return this.#closed().slice(0, 0)
    if (this.#take(parts.group)) return this.#closed()
    const [atom] = this.#take(parts.atom) as RegExpExecArray
    return atom.length === 1 && atom !== '.' ? atom : pick(this.#random, charactersOf(atom, this.#flags))
  }

  #closed (): string {
    const text = this.alternatives()
    this.#at++
    return text
  }

  #times (): number {
    const quantifier = this.#take(parts.quantifier)
    if (!quantifier) return 1
    const [, sign = '', least, comma, most] = quantifier
    const min = sign === '+' ? 1 : Number(least ?? 0)
    const max = sign === '?' ? 1 : most ? Number(most) : comma === '' ? min : min + repetitions
    return integerBetween(this.#random, min, this.#isFull ? max : Math.min(max, min + repetitions))
  }

  #take (part: RegExp): RegExpExecArray | null {
    part.lastIndex = this.#at
    const found = part.exec(this.#source)
    if (found) this.#at = part.lastIndex
    return found
  }
}
