import { Type } from '@sinclair/typebox'
import { defineChannel } from 'fastify-channels/contract'

/** The chat's contract: one declaration for the server, the page and the tests. */
export const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) }),
  fromClient: {
    'message.send': {
      payload: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
      reply: Type.Object({ id: Type.String() }),
      idempotent: true
    },
    typing: { payload: Type.Object({ active: Type.Boolean() }) }
  },
  fromServer: {
    'message.posted': {
      payload: Type.Object({
        id: Type.String(),
        from: Type.String(),
        name: Type.String(),
        text: Type.String(),
        at: Type.Integer({ description: 'milliseconds since 1970' })
      })
    },
    'typing.changed': {
      payload: Type.Object({ userId: Type.String(), name: Type.String(), active: Type.Boolean() }),
      ephemeral: true,
      whenSlow: { latest: '/userId' }
    }
  },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 500, ttl: 86_400_000, initial: 50 }
})
