// Runs beside the packed package, as an application that loads both of its builds: `node two-builds.js`. It ends with
// an error unless each build takes what the other made.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as TypeBox from '@sinclair/typebox'
import fastify, { type FastifyInstance } from 'fastify'
import * as server from 'fastify-channels'
import * as client from 'fastify-channels/client'
import * as react from 'fastify-channels/react'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { WebSocket } from 'ws'

const require = createRequire(import.meta.url)

/** One build, with the copy of TypeBox that it loads. */
interface Build {
  readonly name: string
  readonly server: typeof server
  readonly client: typeof client
  readonly react: typeof react
  readonly TypeBox: typeof TypeBox
}

const builds: readonly Build[] = [{ name: 'ESM', server, client, react, TypeBox }, {
  name: 'CommonJS',
  server: require('fastify-channels') as typeof server,
  client: require('fastify-channels/client') as typeof client,
  react: require('fastify-channels/react') as typeof react,
  TypeBox: require('@sinclair/typebox') as typeof TypeBox
}]

for (const { TypeBox: { FormatRegistry } } of builds) FormatRegistry.Set('lowercase', (text) => /^[a-z]+$/.test(text))

/** A contract and its handlers, made by one build. */
function implementedBy ({ server: { defineChannel, implement }, TypeBox: { Type } }: Build) {
  const text = Type.String({ format: 'lowercase' })
  const chat = defineChannel({
    pattern: 'chat/:room',
    params: Type.Object({ room: text }),
    fromClient: { say: { payload: text, reply: Type.Integer() } },
    fromServer: { said: { payload: text } },
    presence: Type.Object({ name: Type.String() })
  })
  const handlers = implement(chat, {
    presence: () => ({ name: 'Ada' }),
    on: {
      say: async (ctx, text) => {
        await ctx.broadcast('said', text)
        return text.length
      }
    }
  })
  return { chat, handlers }
}

type Handlers = Parameters<FastifyInstance['ws']>[2]

async function withServer (
  { server: { channels } }: Build, handlers: Handlers, use: (app: FastifyInstance, url: string) => Promise<void>
): Promise<void> {
  const app = fastify()
  await app.register(channels)
  app.ws('/ws', { public: true }, handlers)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    await use(app, `${address.replace('http', 'ws')}/ws`)
  } finally {
    await app.close()
  }
}

/** A server of one build serves a contract of another to a client of a third. */
async function converse (serving: Build, contracting: Build, connecting: Build): Promise<void> {
  const { chat, handlers } = implementedBy(contracting)
  await withServer(serving, [handlers], async (app, url) => {
    const connection = connecting.client.connect<typeof chat>(url, { WebSocket })
    const said: string[] = []
    const room = await connection.join('chat/:room', { room: 'lobby' }, { on: { said: (text) => said.push(text) } })
    assert.equal(await room.send('say', 'hello'), 5)
    await app.rooms.of(chat, { room: 'lobby' }).broadcast('said', 'all')
    await assert.rejects(room.send('say', 'HELLO'), { code: 'invalid_payload' })
    assert.deepEqual(said, ['hello', 'all'])
    connection.close()
  })
}

/** A handler on one server lets an error of another server through, which another build made. */
async function passError (serving: Build, failing: Build): Promise<void> {
  const { defineChannel, implement } = failing.server
  const log = defineChannel({
    pattern: 'log', fromClient: { write: {} }, fromServer: { written: {} }, history: { limit: 9, ttl: 60_000 }
  })
  const after = { epoch: 'none', offset: 9, hash: 'none' }
  await withServer(failing, [implement(log, { on: { write: () => {} } })], async (other) => {
    const write = () => other.rooms.of(log).append('written', undefined, { after })
    await withServer(serving, [implement(log, { on: { write: async () => { await write() } } })], async (_app, url) => {
      const connection = client.connect<typeof log>(url, { WebSocket })
      const joined = await connection.join('log', {}, { onResync: 'ignore' })
      await assert.rejects(joined.send('write'), { code: 'behind' })
      connection.close()
    })
    await assert.rejects(write(), (error) => error instanceof serving.server.Behind && error.messages.length === 0)
  })
}

/** A component finds the client of a provider of another build. */
function provide (providing: Build, using: Build): void {
  const own = client.connect('ws://localhost', { WebSocket, autoConnect: false })
  const Component = () => createElement('p', {}, String(using.react.useClient() === own))
  const page = createElement(providing.react.ChannelsProvider, { client: own as never }, createElement(Component))
  assert.equal(renderToString(page), '<p>true</p>')
}

/** A client ends when its `token` says so with the class of another build. */
async function stopConnecting (connecting: Build, stopping: Build): Promise<void> {
  const { StopConnecting } = stopping.client
  const own = connecting.client.connect('ws://localhost', { WebSocket, token: () => new StopConnecting('logged out') })
  await new Promise<void>((resolve) => { own.onState((state) => { if (state === 'closed') resolve() }) })
}

/** A format that only the other copy of TypeBox knows is refused by its name. */
async function refuseFormat (serving: Build, contracting: Build): Promise<void> {
  const { TypeBox: { FormatRegistry, Type }, server: { defineChannel, implement } } = contracting
  FormatRegistry.Set(contracting.name, () => true)
  const payload = Type.String({ format: contracting.name })
  const contract = defineChannel({ pattern: 'a', fromClient: {}, fromServer: { b: { payload } } })
  const message = new RegExp(`^unknown format '${contracting.name}' in channel 'a', fromServer 'b', payload: register`)
  const handlers = [implement(contract, { on: {} })]
  await assert.rejects(withServer(serving, handlers, async () => {}), { code: 'FST_CHANNELS_CONTRACT', message })
}

/** The API page loads its script from the ES modules, whichever build serves it. */
async function servePage ({ server: { channels } }: Build): Promise<void> {
  const app = fastify()
  await app.register(channels, { asyncapi: {} })
  const { body } = await app.inject('/asyncapi')
  const [, entry = ''] = /<script type="module" src="\.([^"]+)"/.exec(body) ?? []
  const script = await app.inject(entry)
  assert.deepEqual([script.statusCode, /^import /m.test(script.body)], [200, true])
  assert.match(body, /client\/core\.js/)
  await app.close()
}

const [esm, cjs] = builds as [Build, Build]

// TypeScript adds a name to what it compiles to CommonJS.
for (const entry of ['', '/adapter', '/asyncapi', '/client', '/contract', '/react', '/testing']) {
  const names = (module: object) => Object.keys(module).filter((name) => name !== '__esModule').sort()
  const imported = await import(`fastify-channels${entry}`) as object
  const required = require(`fastify-channels${entry}`) as object
  assert.deepEqual(names(required), names(imported), `fastify-channels${entry}`)
}
assert.notEqual(esm.server.channels, cjs.server.channels)

for (const [one, other] of [[esm, cjs], [cjs, esm]] as const) {
  await converse(one, other, one)
  await passError(one, other)
  provide(one, other)
  await stopConnecting(one, other)
  await refuseFormat(one, other)
  await servePage(one)
  const app = fastify()
  await app.register(one.server.channels)
  await assert.rejects(async () => app.register(other.server.channels), { code: 'FST_CHANNELS_ALREADY_REGISTERED' })
}
