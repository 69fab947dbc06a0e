/** What a name within a class may not be: a keyword, or a type that the annotations beside it need. */
const reserved = new Set([
  'and', 'as', 'assert', 'async', 'await', 'break', 'class', 'continue', 'def', 'del', 'elif', 'else', 'except',
  'finally', 'for', 'from', 'global', 'if', 'import', 'in', 'is', 'lambda', 'nonlocal', 'not', 'or', 'pass', 'raise',
  'return', 'try', 'while', 'with', 'yield',
  'bool', 'dict', 'float', 'int', 'list', 'self', 'str', 'tuple'
])

/** The words of a text that ASCII has: `userId` is `user Id`, `message.send` is `message send`. */
function wordsOf (text: string): string[] {
  return text.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z\d]+/).filter((word) => word !== '')
}

const startsWithDigit = (text: string) => /^\d/.test(text)

/** `message.send` is `MessageSend`. */
export function className (text: string): string {
  const name = wordsOf(text).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return startsWithDigit(name) ? `N${name}` : name
}

/** `userId` is `user_id`, and `from` is `from_`. */
function memberName (text: string): string {
  const name = wordsOf(text).join('_').toLowerCase() || 'member'
  if (startsWithDigit(name)) return `n_${name}`
  return reserved.has(name) ? `${name}_` : name
}

/** Names of Python for the members of a class or the arguments of a function, by their names on the wire. */
export function memberNames (
  wired: readonly string[], taken: readonly string[] = []
): ReadonlyMap<string, string> {
  const used = new Set(taken)
  return new Map(wired.map((wire) => {
    const name = firstFree(memberName(wire), '_', (name) => used.has(name))
    used.add(name)
    return [wire, name]
  }))
}

function firstFree (wanted: string, separator: string, isTaken: (name: string) => boolean): string {
  let name = wanted
  for (let number = 2; isTaken(name); number++) name = `${wanted}${separator}${number}`
  return name
}

/** The names of the classes of a module. None is given twice. */
export class ClassNames {
  readonly #taken: Set<string>

  /** @param taken what the module declares or imports besides */
  constructor (taken: Iterable<string>) {
    this.#taken = new Set(taken)
  }

  /** The first of the wanted names that is free, else the last one with a number. */
  take (...wanted: readonly string[]): string {
    const names = wanted.map(className).filter((name) => name !== '')
    const last = names.at(-1) ?? 'Unnamed'
    const name = names.find((name) => !this.#taken.has(name)) ?? firstFree(last, '', (name) => this.#taken.has(name))
    this.#taken.add(name)
    return name
  }
}
