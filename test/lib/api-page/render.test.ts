import { FormatRegistry, Type, type TSchema } from '@sinclair/typebox'
import { Window } from 'happy-dom'
import t from 'tap'
import { asyncApiDocument, type AsyncApiDocument, type DocumentedRoute } from '../../../lib/asyncapi/index.ts'
import { renderPage } from '../../../lib/api-page/render/page.ts'
import { defineChannel, defineConnection } from '../../../lib/contract/define-channel.ts'
import { fullRoute, likes, odd, quiet } from '../../support/asyncapi/full-contract.ts'
import { schemasOfEveryKind } from '../../support/schemas-of-every-kind.ts'

for (const format of ['uuid', 'date-time', 'date']) FormatRegistry.Set(format, () => true)

const modules = { version: '1', entry: 'main.js', files: new Map([['main.js', ''], ['a.js', '']]) }

/** The values of an attribute, in the order of the page. */
const valuesOf = (text: string, name: string) =>
  [...text.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value]) => value as string)

/** What people read. */
const wordsOf = (text: string) => text.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')

const documentOf = (routes: readonly DocumentedRoute[], settings = {}) => asyncApiDocument(routes, settings)

/** Every message, by its pointer. */
const messagesOf = ({ channels }: AsyncApiDocument) => Object.entries(channels).flatMap(([id, { messages }]) =>
  Object.keys(messages).map((name) => `#/channels/${id}/messages/${name}`))

t.test('API page: every message of every channel is shown, and every reference leads somewhere', async (t) => {
  const document = documentOf([fullRoute, { url: '/ws/quiet', contracts: [quiet, ...likes, odd] }], {
    servers: {
      live: { host: 'a.example', protocol: 'wss', description: 'the real one' }, test: { host: 'b', protocol: 'ws' }
    }
  })
  const text = renderPage(document, './docs', modules)
  const shown = new Set(valuesOf(text, 'data-message'))
  t.strictSame(messagesOf(document).filter((pointer) => !shown.has(pointer)), [])
  const ids = valuesOf(text, 'id')
  t.equal(new Set(ids).size, ids.length, 'no id is given twice')
  const targets = valuesOf(text, 'href').filter((href) => href.startsWith('#')).map((href) => href.slice(1))
  t.ok(targets.length > 100, 'there are references')
  t.strictSame([...targets, ...valuesOf(text, 'aria-labelledby')].filter((id) => !ids.includes(id)), [])
  const words = wordsOf(text)
  for (const said of [
    'wss://a.example the real one', '5 in 1000 ms', 'sent again under the same id', 'muted, too long, odd',
    'members learn how many users are in it', '50 messages at most, kept for 60000 ms, a new member gets 10',
    'it replaces a waiting one with the same /by/id', 'it is left out', 'waiting messages are left out', 'v2',
    'it has a brace', 'the document names no security scheme', 'the client reconnects with a new token',
    'what it is about', 'a multiple of 0.5', 'at most 280 characters', 'pattern ^[a-z]+'
  ]) t.ok(words.includes(said), said)
})

t.test('API page: texts of a contract are text, wherever they stand', async (t) => {
  const hostile = '"\'></code></script><img src=x onerror=alert(1)><!--'
  const schema = Type.Object({
    [hostile]: Type.Union([Type.Literal(hostile), Type.String({ pattern: hostile.replace('(1)', '') })], {
      description: hostile
    })
  }, { description: `${hostile}\nsecond line`, default: hostile, title: hostile })
  const contract = defineChannel({
    pattern: `a/${hostile.replaceAll(/[\s/]/g, '')}`,
    fromClient: { [hostile]: { payload: schema, errors: { [hostile]: schema } } },
    fromServer: { [`${hostile}2`]: { payload: schema } },
    presence: schema
  })
  const own = defineConnection({ fromClient: {}, fromServer: { [hostile]: { payload: schema } } })
  const text = renderPage(documentOf([{
    url: `/ws${hostile}`,
    contracts: [contract, own],
    summary: hostile,
    description: hostile,
    tags: [hostile],
    carriers: [{ cookie: hostile }],
    securitySchemes: { own: { type: 'httpApiKey', in: 'header', name: hostile }, [hostile]: { type: hostile } },
    query: { type: 'object', properties: { [hostile]: { description: hostile } } },
    limits: { [hostile]: hostile }
  }], {
    info: { title: hostile, version: hostile, description: hostile },
    servers: { [hostile]: { host: hostile, protocol: hostile, pathname: hostile, description: hostile } }
  }), './docs', modules)
  const { document } = new Window()
  document.write(text)
  const all = (selector: string) => [...document.querySelectorAll(selector)]
  t.strictSame([all('img').length, all('script').map((script) => script.outerHTML)],
    [0, ['<script type="module" src="./docs/modules/1/main.js"></script>']])
  t.notMatch(text.replace('></script>', ''), /<img|<\/script|<!--/)
  t.strictSame(all('*').flatMap(({ attributes }) => [...attributes].map(({ name }) => name))
    .filter((name) => name.startsWith('on') || name === 'style'), [])
  t.ok(document.body.textContent.split(hostile).length > 20, 'it is shown all the same')
})

t.test('API page: it stays complete for 200 messages, for recursion and for every kind of schema', async (t) => {
  const large = Type.Object({ ...schemasOfEveryKind })
  const types = Array.from({ length: 200 }, (_, i) => `message-${i}`)
  const simple = Type.Object({ text: Type.String({ maxLength: 9 }) })
  const payloads: readonly TSchema[] = [large, Type.Array(large)]
  const contract = defineChannel({
    pattern: 'large',
    fromClient: {},
    fromServer: Object.fromEntries(types.map((type, i) => [type, { payload: payloads[i] ?? simple }]))
  })
  const document = documentOf([{ url: '/ws', contracts: [contract] }])
  const text = renderPage(document, './docs', modules)
  const missing = messagesOf(document).filter((pointer) => !text.includes(`data-message="${pointer}"`))
  t.strictSame(missing, [])
  t.ok(text.length < 3_000_000, 'schemas that are used often are shown once')
  for (const part of ['#schema-Node', '#schema-Tree', 'further members allowed', 'no item twice', 'pattern ', 'not ']) {
    t.ok(text.includes(part), part)
  }
})

t.test('API page: a server without routes has a page too', async (t) => {
  const text = renderPage(documentOf([]), './docs', modules)
  t.match(text, /<main id="content">\s*<\/main>/)
})
