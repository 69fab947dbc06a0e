import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { controlWords } from '../../lib/protocol/control-messages.ts'
import { errorMessages } from '../../lib/protocol/errors.ts'
import { anchorOf, linksOf, pages, readPage } from '../support/docs/page.ts'
import { prelude } from '../support/docs/prelude.ts'
import { sampleSessions } from '../support/docs/sessions.ts'
import { root } from '../support/root.ts'

const all = pages()

t.test('docs: every relative link leads to a file and a heading of it', async (t) => {
  const links = all.flatMap((page) => linksOf(page).map((link) => ({ from: page.path, ...link })))
  t.ok(links.length > 50, 'there are links')
  t.strictSame(links.filter(({ file }) => !existsSync(join(root, file))), [], 'no link leads nowhere')
  const anchored = links.filter(({ anchor }) => anchor !== undefined)
  const broken = anchored.filter(({ file, anchor = '' }) => !readPage(file).headings.map(anchorOf).includes(anchor))
  t.strictSame(broken, [], 'no link leads to a heading that is not there')
})

t.test('docs: every page is in the package, and leads only to files of the package', async (t) => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] }
  const entries = [...files, 'README.md', 'LICENSE']
  const isShipped = (path: string) => entries.some((entry) => path === entry || path.startsWith(`${entry}/`))
  const paths = all.flatMap((page) => [page.path, ...linksOf(page).map(({ file }) => file)])
  t.strictSame(paths.filter((path) => !isShipped(path)), [])
})

t.test('docs: every page can be reached from the README', async (t) => {
  const reached = new Set(['README.md'])
  for (const path of reached) {
    for (const { file } of linksOf(readPage(path))) if (file.endsWith('.md')) reached.add(file)
  }
  t.strictSame(all.map(({ path }) => path).filter((path) => !reached.has(path)), [])
})

t.test('docs: lines have at most 120 characters, apart from tables, links and messages on the wire', async (t) => {
  const lines = all.flatMap(({ path, text }) => text.split('\n').map((line, i) => ({ at: `${path}:${i + 1}`, line })))
  const long = lines.filter(({ line }) => line.length > 120 && !/^(\||[CS]: )|\]\(/.test(line))
  t.strictSame(long.map(({ at }) => at), [])
})

t.test('docs: every row about a Fastify plugin has a test', async (t) => {
  const rows = [...readPage('docs/guide/fastify-plugins.md').text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  const tests = readFileSync(join(root, 'test/plugins/fastify-plugins.test.ts'), 'utf8')
  t.ok(rows.length > 10, 'there are rows')
  t.strictSame(rows.filter((name) => !tests.includes(`t.test('${name}: `)), [])
})

t.test('docs: the contract that snippets use is on the page that introduces it', async (t) => {
  const shown = readPage('docs/getting-started.md').blocks.filter(({ code }) => code.startsWith('export const chat ='))
  t.equal(shown.length, 1)
  for (const { code } of shown) t.ok(prelude.includes(code.trim()), 'it is that of the snippets')
})

t.test('README: at most 150 lines', async (t) => {
  t.ok(readPage('README.md').text.split('\n').length <= 151)
})

interface Wire {
  readonly type?: unknown
  readonly payload?: { readonly messages?: unknown[] }
}

interface Entry extends Wire {
  readonly offset: number
  readonly prev: string
}

const members = ['type', 'channel', 'payload', 'correlationId', 'offset', 'id', 'hash', 'prev']

/** Every message that docs/protocol.md shows: its JSON blocks, and the lines of its sample sessions. */
function shownMessages (): Wire[] {
  const { blocks } = readPage('docs/protocol.md')
  const said = sampleSessions().flatMap(({ lines }) => lines.map(({ message }) => message as Wire))
  const examples = blocks.filter(({ language }) => language === 'json').map(({ code }) => JSON.parse(code) as Wire)
  const messages = [...examples, ...said]
  return messages.flatMap((message) => [message, ...(message.payload?.messages ?? []) as Wire[]])
}

t.test('protocol: every example is an envelope', async (t) => {
  const messages = shownMessages()
  t.ok(messages.length > 30, 'there are examples')
  for (const message of messages) {
    t.type(message.type, 'string', JSON.stringify(message))
    t.strictSame(Object.keys(message).filter((name) => !members.includes(name)), [], JSON.stringify(message))
  }
})

t.test('protocol: every control message has a heading and a JSON example, and every error code a row', async (t) => {
  const { headings, text } = readPage('docs/protocol.md')
  const shown = new Set(shownMessages().map(({ type }) => type))
  t.strictSame(controlWords.filter((word) => !headings.includes(`\`${word}\``) || !shown.has(word)), [])
  t.strictSame(Object.keys(errorMessages).filter((code) => !text.includes(`| \`${code}\` |`)), [])
})

t.test('protocol: every persistent message of an example continues the one before it', async (t) => {
  const entries = shownMessages().filter((message): message is Entry => 'prev' in message)
  t.ok(entries.length > 5, 'there are entries')
  for (const entry of entries) t.equal(entry.prev === '', entry.offset === 1, JSON.stringify(entry))
})

t.test('security: every test that the page names exists under that title', async (t) => {
  const named = [...readPage('docs/security.md').text.matchAll(/`(test\/[\w/.-]+)`: (.+?) \|$/gm)]
  t.ok(named.length > 30, 'the page names tests')
  const missing = named.filter(([, file = '', title]) => {
    const path = join(root, file)
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(`test('${title}'`)
  })
  t.strictSame(missing.map(([, file, title]) => `${file}: ${title}`), [])
})

t.test('architecture: every source file that a page of development names exists', async (t) => {
  const text = ['docs/architecture.md', 'docs/contributing.md'].map((path) => readPage(path).text).join('')
  const named = [...text.matchAll(/`((?:lib|plugins|routes|test)\/[\w/.-]*)`/g)].map(([, file = '']) => file)
  t.ok(named.length > 30, 'the pages name files')
  t.strictSame(named.filter((file) => !existsSync(join(root, file))), [])
})
