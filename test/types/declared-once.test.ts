import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import fastify from 'fastify'
import t from 'tap'
import type { AnyChannel } from '../../lib/contract/define-channel.ts'
import type { ImplementedChannel } from '../../lib/server/implement.ts'
import { contractTests } from '../../lib/testing/contract-tests.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { mockServer } from '../../lib/tools/mock/mock-server.ts'
import { pythonClientOf } from '../../lib/tools/python/python-client.ts'
import { channels } from '../../plugins/channels.ts'
import { root } from '../support/root.ts'
import { compileFiles } from '../support/types/compile.ts'

const sourceOf = (name: string) => readFileSync(join(root, `routes/chat/chat.${name}.ts`), 'utf8')

/** Adds a member after the last one of `fromClient`, or of `on`. */
function withMember (text: string, end: string, member: string): string {
  t.equal(text.split(end).length, 2, 'the place is found')
  return text.replace(end, `,\n    ${member}${end}`)
}

const contract = withMember(sourceOf('contract'), '\n  },\n  fromServer:', `'reaction.add': {
      payload: Type.Object({ messageId: Type.String(), emoji: Type.Union([Type.Literal('+1'), Type.Literal('-1')]) }),
      reply: Type.Object({ count: Type.Integer() })
    }`)
const handlers = withMember(sourceOf('handlers'), '\n  }\n})',
  "'reaction.add': (_ctx, { emoji }) => ({ count: emoji.length })")

const use = `import { connect } from 'fastify-channels/client'
import type { chat } from './chat.contract.ts'

const lobby = await connect<typeof chat>('ws://localhost').join('chat/:room', { room: 'a' }, { onResync: 'ignore' })
const { count } = await lobby.send('reaction.add', { messageId: 'm', emoji: '+1' })
count satisfies number
// @ts-expect-error: not one of the values.
await lobby.send('reaction.add', { messageId: 'm', emoji: 'x' })
`

t.test('declaring once: the compiler names the missing handler, and nothing else', async (t) => {
  const { errors } = compileFiles(new Map([
    ['chat.contract.ts', contract], ['chat.handlers.ts', sourceOf('handlers')], ['complete.ts', handlers],
    ['use.ts', use]
  ]), { files: [join(root, 'dist/routes/token.routes.d.ts')] })
  t.strictSame(errors.map(({ file }) => file), ['chat.handlers.ts'])
  t.match(errors[0]?.message, /'reaction\.add'/)
})

t.test('declaring once: with contract and handler, a message is known everywhere', async (t) => {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(root, 'dist/declared-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of [['contract', contract], ['handlers', handlers]] as const) {
    const { code } = transformSync(text, { loader: 'ts' })
    writeFileSync(join(folder, `chat.${name}.js`), code.replaceAll('.contract.ts', '.contract.js'))
  }
  const { chat } = await import(join(folder, 'chat.contract.js')) as { chat: AnyChannel }
  const { chatHandlers } = await import(join(folder, 'chat.handlers.js')) as { chatHandlers: ImplementedChannel }
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { asyncapi: {}, identify: () => ({ id: 'ann', sub: 'ann', name: 'Ann' }) })
  app.ws('/ws', [chatHandlers])
  await app.ready()
  const reaction = { messageId: 'm', emoji: '+1' }

  const client = await TestClient.inject(app, '/ws')
  await client.request('join', 'chat/lobby')
  t.match(await client.request('reaction.add', 'chat/lobby', reaction), { type: 'ack', payload: { count: 2 } })
  t.match(await client.request('reaction.add', 'chat/lobby', { ...reaction, emoji: 'x' }), {
    type: 'error', payload: { code: 'invalid_payload' }
  })
  await client.close()

  const document = await app.channels.asyncapi()
  t.ok(Object.values(document.operations).some(({ title }) => title === 'reaction.add'), 'the document has it')
  t.match((await app.inject('/asyncapi')).body, 'reaction.add', 'the page has it')
  t.match(pythonClientOf(document), '\nclass ReactionAdd(Request["ChatRoom", ReactionAddReply]):', 'the Python client')
  const tests = contractTests(app, chat as never, { path: '/ws', params: { room: 'lobby' } } as never)
  t.ok(tests.some(({ name }) => name.includes("'reaction.add'")), 'the contract tests have it')

  const mock = await mockServer(chat, { port: 0 })
  t.teardown(() => mock.close())
  const mocked = await TestClient.connect(mock.url)
  await mocked.request('join', 'chat/lobby')
  t.match(await mocked.request('reaction.add', 'chat/lobby', reaction), { type: 'ack', payload: { count: Number } })
  await mocked.close()
})
