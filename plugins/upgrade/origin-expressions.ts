import { InvalidOptions } from '../errors.ts'

/** A part of a regular expression: a group with its alternatives, or the text of anything else. */
type Term = string | Alternatives
type Alternatives = Term[][]

/** The start of a group, an escape, a class, or one character. */
const token = /\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?|\\[^]|\[(?:\\[^]|[^\]\\])*\]|[^]/g

/** What comes before the name of a host, or between its labels. */
const starts = new Set(['^', '\\.', '[.]', '\\/', '[/]'])
const ends = new Set(['$'])

/** @throws {InvalidOptions} for an expression that no browser's origin can match, or that allows more than it says */
export function checkExpression (pattern: RegExp): void {
  const { source } = pattern
  const name = `the pattern ${String(pattern)} in 'origins'`
  if (source.endsWith('/$')) {
    throw new InvalidOptions(`${name} can never match: leave out the slash at its end, because an origin has no path`)
  }
  const port = /^(?!\^http:).*:443\$$/.test(source) ? 443 : /^(?!\^https:).*:80\$$/.test(source) ? 80 : undefined
  if (port !== undefined) {
    throw new InvalidOptions(`${name} can never match: leave out the port, because browsers do not send :${port}`)
  }
  const alternatives = alternativesOf((source.match(token) as string[]).values())
  if (!areAnchored(alternatives, -1, ends)) {
    throw new InvalidOptions(`${name} has no end, so it also allows names such as 'app.example.com.evil.example': ` +
      'end it with $, in each alternative')
  }
  if (!areAnchored(alternatives, 0, starts)) {
    throw new InvalidOptions(`${name} has no start, so it also allows names such as 'evil-example.com': ` +
      'begin it with ^ or \\., in each alternative')
  }
}

/** Reads up to the end of the group. What looks ahead or behind is no part of the origin, and so no anchor. */
function alternativesOf (tokens: IterableIterator<string>): Alternatives {
  const alternatives: Alternatives = [[]]
  for (const text of tokens) {
    if (text === ')') break
    if (text === '|') alternatives.push([])
    else (alternatives.at(-1) as Term[]).push(termOf(text, tokens))
  }
  return alternatives
}

function termOf (text: string, tokens: IterableIterator<string>): Term {
  if (!text.startsWith('(')) return text
  const group = alternativesOf(tokens)
  return /[=!]$/.test(text) ? text : group
}

/** Whether each alternative has one of the anchors at its edge: the first term, or the last one. */
function areAnchored (alternatives: Alternatives, edge: 0 | -1, anchors: ReadonlySet<string>): boolean {
  return alternatives.every((terms) => {
    const term = terms.at(edge)
    if (edge === 0 && /^[*?{]/.test(String(terms[1]))) return false
    return Array.isArray(term) ? areAnchored(term, edge, anchors) : anchors.has(String(term))
  })
}
