/** Names for the parts of a document. They stand in JSON pointers as they are, and none is given twice. */
export class UniqueNames {
  readonly #taken = new Set<string>()

  /** The first of the `wanted` names that is free, else the last one with a number. */
  take (...wanted: readonly string[]): string {
    const names = wanted.map(nameOf)
    const last = names.at(-1) as string
    let name = names.find((free) => this.#isFree(free))
    for (let number = 2; name === undefined; number++) {
      name = this.#isFree(`${last}-${number}`) ? `${last}-${number}` : undefined
    }
    this.#taken.add(name)
    return name
  }

  #isFree (name: string): boolean {
    return !this.#taken.has(name) && !(name in Object.prototype)
  }
}

/** A text as the name of a part: AsyncAPI allows letters of ASCII, digits, `.`, `-` and `_`. */
function nameOf (text: string): string {
  return text.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '') || 'unnamed'
}
