/** Names that snippets of every page may use without declaring them: contracts, an application, a client. */
export const prelude = `
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, defineConnection, implement, handler } from 'fastify-channels'
import { closeEvents, ChannelsError } from 'fastify-channels'
import { connect, RequestError } from 'fastify-channels/client'
export { Type, fastify, channels, defineChannel, defineConnection, implement, handler, closeEvents, ChannelsError }
export { connect, RequestError }

declare module 'fastify-channels' {
  interface Register {
    user: { id: string, name: string, rooms: string[] }
    locals: { tenant: string }
  }
}

export const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: {
    'message.send': {
      payload: Type.Object({ text: Type.String() }),
      reply: Type.Object({ id: Type.String() }),
      errors: { muted: Type.Object({ until: Type.Integer() }) },
      idempotent: true
    },
    typing: { payload: Type.Object({ active: Type.Boolean() }) }
  },
  fromServer: {
    'message.posted': { payload: Type.Object({ id: Type.String(), text: Type.String(), from: Type.String() }) },
    'typing.changed': {
      payload: Type.Object({ userId: Type.String(), active: Type.Boolean() }),
      ephemeral: true,
      whenSlow: { latest: '/userId' }
    }
  },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 500, ttl: 86_400_000, initial: 50 }
})

export const notices = defineConnection({
  fromClient: {
    hello: { payload: Type.Object({ device: Type.String() }), reply: Type.Object({ unread: Type.Integer() }) }
  },
  fromServer: { notice: { payload: Type.Object({ text: Type.String() }) } }
})

export const app = fastify()
await app.register(channels)
export const client = connect<typeof chat | typeof notices>('/ws')
export const lobby = await client.join('chat/:room', { room: 'lobby' }, { onResync: 'ignore' })
export const fetchToken = async () => 'a token'
export const render = (...values: unknown[]): void => { void values }
`
