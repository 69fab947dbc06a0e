import { join } from 'node:path'
import type { ProjectLayout } from './project-layout.ts'
import { textOf, type SourceFile } from './source-file.ts'

/** A file to write, by its path in the project. */
export interface NewFile {
  readonly path: string
  readonly text: string
}

/** The files of a new channel. */
export function channelFiles (name: string, layout: ProjectLayout): readonly NewFile[] {
  const { language, source, registeredIn } = layout
  const id = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const route = join(source, 'routes', name)
  const file = (path: string, content: SourceFile) => ({ path: `${path}.${language}`, text: textOf(content, layout) })
  return [
    ...registeredIn === undefined ? [file(join(source, 'plugins/channels'), plugin)] : [],
    file(join(route, `${name}.contract`), contract(name, id)),
    file(join(route, `${name}.handlers`), handlers(name, id, layout)),
    file(join(route, 'index'), routes(name, id, layout)),
    file(`test/routes/${name}.test`, test(name, id, layout))
  ]
}

const plugin: SourceFile = {
  imports: [
    { from: 'fastify-plugin', names: 'fp' }, { from: 'fastify-channels', names: '{ channels }' }
  ],
  body: `// Registers fastify-channels for the application. A plugin that registers @fastify/jwt has to come first:
// give it a name, and add { dependencies: ['its name'] } as the last argument here.
const plugin = fp(async (fastify) => {
  await fastify.register(channels)
})
`,
  exported: { byDefault: 'plugin' }
}

const contract = (name: string, id: string): SourceFile => ({
  imports: [
    { from: '@sinclair/typebox', names: '{ Type }' },
    { from: 'fastify-channels/contract', names: '{ defineChannel }' }
  ],
  body: `// What clients and server say to each other in the channels ${name}/:id.
const ${id}Channel = defineChannel({
  pattern: '${name}/:id',
  params: Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) }),
  fromClient: {
    'message.send': {
      payload: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
      reply: Type.Object({ id: Type.String() })
    }
  },
  fromServer: {
    'message.posted': { payload: Type.Object({ id: Type.String(), text: Type.String() }) }
  }
})
`,
  exported: { name: `${id}Channel` }
})

const handlers = (name: string, id: string, { importEnding: ending }: ProjectLayout): SourceFile => ({
  imports: [
    { from: 'fastify-channels', names: '{ implement }' },
    { from: `./${name}.contract`, names: `{ ${id}Channel }`, ending }
  ],
  body: `const ${id}Handlers = implement(${id}Channel, {
  on: {
    'message.send': async (ctx, { text }) => {
      await ctx.broadcast('message.posted', { id: ctx.messageId, text })
      return { id: ctx.messageId }
    }
  }
})
`,
  exported: { name: `${id}Handlers` }
})

const routes = (name: string, id: string, { importEnding: ending }: ProjectLayout): SourceFile => ({
  imports: [
    { from: 'fastify', names: '{ FastifyPluginAsync }', isType: true },
    { from: `./${name}.handlers`, names: `{ ${id}Handlers }`, ending }
  ],
  body: `const routes‹: FastifyPluginAsync› = async (fastify) => {
  // Everybody may connect, because of 'public'. Remove it once the application knows its users.
  fastify.ws('/ws', { public: true }, [${id}Handlers])
}
`,
  exported: { byDefault: 'routes' }
})

const test = (name: string, id: string, { importEnding, testImportEnding, source }: ProjectLayout): SourceFile => ({
  imports: [
    { from: 'node:test', names: '{ test }' },
    { from: 'node:assert', names: '* as assert' },
    { from: 'fastify-channels/testing', names: '{ TestClient }' },
    { from: '../helper', names: '{ build }', ending: testImportEnding },
    {
      from: `../../${source === '' ? '' : `${source}/`}routes/${name}/${name}.contract`,
      names: `{ ${id}Channel }`,
      isType: true,
      ending: importEnding
    }
  ],
  body: tests(name, id)
})

const tests = (name: string, id: string) =>
  `test('${name}: a message reaches the members of its channel', async (t) => {
  const app = await build(t)
  const ann = await TestClient.inject‹<typeof ${id}Channel>›(app, '/${name}/ws')
  const bob = await TestClient.inject‹<typeof ${id}Channel>›(app, '/${name}/ws')
  for (const client of [ann, bob]) await client.request('join', '${name}/one')
  const reply = await ann.request('message.send', '${name}/one', { text: 'hello' })
  assert.equal(reply.type, 'ack')
  assert.equal((await bob.next('message.posted')).payload.text, 'hello')
  for (const client of [ann, bob]) await client.close()
})

test('${name}: a message without a text is refused', async (t) => {
  const client = await TestClient.inject(await build(t), '/${name}/ws')
  await client.request('join', '${name}/one')
  const { type } = await client.request('message.send', '${name}/one', {})
  assert.equal(type, 'error')
  await client.close()
})
`
