import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from '../root.ts'

/** One fenced block. `line` is that of its first line of code, counted from 1. */
export interface Block {
  readonly language: string
  readonly code: string
  readonly line: number
}

/** One Markdown page. */
export interface Page {
  /** From the package's folder: `docs/server.md`. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** The text of every heading, in order. */
  readonly headings: readonly string[]
  /** What the page declares for its snippets, in HTML comments that begin with `prelude`. */
  readonly prelude: string
}

/** README.md and every page below docs/. */
export function pages (): Page[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  const paths = docs.filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`)
  return ['README.md', ...paths].map(readPage)
}

export function readPage (path: string): Page {
  const text = readFileSync(join(root, path), 'utf8')
  const prose = proseOf(text)
  return {
    path,
    text,
    blocks: blocksOf(text),
    headings: [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string),
    prelude: [...text.matchAll(/^<!-- prelude\n(.*?)^-->/gms)].map(([, code]) => code).join('')
  }
}

/** The page without what stands in fences. */
export function proseOf (text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '')
}

function blocksOf (text: string): Block[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) =>
    ({ language, code, line: text.slice(0, index).split('\n').length + 1 }))
}

/** What a page explains: the code spans of its headings and of the first columns of its tables. */
export function explained ({ text, headings }: Page): string[] {
  const cells = [...proseOf(text).matchAll(/^\|([^|]*)\|/gm)].map(([, cell]) => cell as string)
  return [...headings, ...cells].flatMap((place) => [...place.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string))
}

/** How GitHub names the anchor of a heading. */
export function anchorOf (heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(' ', '-')
}

/** Relative links of a page: the file, from the package's folder, and the anchor. */
export function linksOf ({ path, text }: Page): Array<{ readonly file: string, readonly anchor: string | undefined }> {
  const targets = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string)
  return targets.filter((target) => !/^https?:/.test(target)).map((target) => {
    const [file = '', anchor] = target.split('#')
    return { file: file === '' ? path : relative(root, join(root, dirname(path), file)), anchor }
  })
}
