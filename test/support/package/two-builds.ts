// Runs beside the packed package, as an application that loads both of its builds: `node two-builds.js`. It ends with
// an error unless each build takes what the other made.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as TypeBox from '@sinclair/typebox'
import fastify from 'fastify'
import * as server from 'fastify-channels'
import * as client from 'fastify-channels/client'
import { WebSocket } from 'ws'

const require = createRequire(import.meta.url)

/** One build, with the copy of TypeBox that it loads. */
interface Build {
  readonly name: string
  readonly server: typeof server
  readonly client: typeof client
  readonly TypeBox: typeof TypeBox
}

const builds: readonly Build[] = [{ name: 'ESM', server, client, TypeBox }, {
  name: 'CommonJS',
  server: require('fastify-channels') as typeof server,
  client: require('fastify-channels/client') as typeof client,
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

/** A server of one build serves a contract of another to a client of a third. */
async function converse (serving: Build, contracting: Build, connecting: Build): Promise<void> {
  const { chat, handlers } = implementedBy(contracting)
  const app = fastify()
  await app.register(serving.server.channels)
  app.ws('/ws', { public: true }, [handlers])
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const connection = connecting.client.connect<typeof chat>(`${address.replace('http', 'ws')}/ws`, { WebSocket })
  try {
    const said: string[] = []
    const room = await connection.join('chat/:room', { room: 'lobby' }, { on: { said: (text) => said.push(text) } })
    assert.equal(await room.send('say', 'hello'), 5)
    await app.rooms.of(chat, { room: 'lobby' }).broadcast('said', 'all')
    await assert.rejects(room.send('say', 'HELLO'), { code: 'invalid_payload' })
    assert.deepEqual(said, ['hello', 'all'])
  } finally {
    connection.close()
    await app.close()
  }
}

const [esm, cjs] = builds as [Build, Build]

// TypeScript adds a name to what it compiles to CommonJS.
for (const entry of ['', '/adapter', '/client', '/contract', '/react', '/testing']) {
  const names = (module: object) => Object.keys(module).filter((name) => name !== '__esModule').sort()
  const imported = await import(`fastify-channels${entry}`) as object
  const required = require(`fastify-channels${entry}`) as object
  assert.deepEqual(names(required), names(imported), `fastify-channels${entry}`)
}
assert.notEqual(esm.server.channels, cjs.server.channels)

await converse(esm, cjs, esm)
await converse(cjs, esm, cjs)
