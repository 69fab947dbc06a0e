/** Characters that an editor does not show, or shows elsewhere than they are. */
// eslint-disable-next-line no-control-regex -- a source text must not contain them as they are
const hidden = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/gu

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text as a literal of Python. Every text is safe in it. */
export function stringLiteral (text: string): string {
  // The escapes of JSON are escapes of Python.
  return JSON.stringify(text).replace(hidden, escaped)
}

/** A text as a docstring, indented. Every text is safe in it. */
export function docstring (text: string, indent: string): string {
  // Python refuses a docstring with half of a surrogate pair.
  const safe = text.trim().toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  const lines = safe.replace(/\r\n?/g, '\n').replace(hidden, escaped).split('\n').map((line, i) =>
    i === 0 ? line.trimEnd() : `${indent}${line}`.trimEnd())
  const end = lines.length > 1 ? `\n${indent}` : ''
  return `${indent}"""${lines.join('\n')}${end}"""\n`
}

/** A value of JSON as an argument of `Literal`. Undefined for a value that Python cannot have there. */
export function literalOf (value: unknown): string | undefined {
  if (typeof value === 'string') return stringLiteral(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return Number.isInteger(value) ? BigInt(value as number).toString() : undefined
}

/** The longest line that the formatter black leaves as it is. */
const lineLength = 88

/** A line of Python, or several where it is too long: with one item in each. */
export function bracketed (before: string, items: readonly string[], after: string): string {
  const line = `${before}${items.join(', ')}${after}`
  if (line.length <= lineLength || items.length === 0) return `${line}\n`
  const indent = ' '.repeat(before.length - before.trimStart().length)
  return `${before}\n${items.map((item) => `${indent}    ${item},\n`).join('')}${indent}${after}\n`
}
