import { Type } from '@sinclair/typebox'
import { defineChannel, defineConnection } from '../../../../plugins/channels.ts'

/** The example of the design, as a user writes it. */
export const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) }),
  fromClient: {
    'message.send': {
      payload: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
      reply: Type.Object({ id: Type.String() }),
      errors: { muted: Type.Object({ until: Type.Integer() }), full: Type.Object({ limit: Type.Integer() }) }
    },
    typing: { payload: Type.Object({ active: Type.Boolean() }) }
  },
  fromServer: {
    'message.posted': { payload: Type.Object({ id: Type.String(), text: Type.String(), from: Type.String() }) },
    'typing.changed': { payload: Type.Object({ userId: Type.String(), active: Type.Boolean() }) },
    closing: {}
  },
  presence: Type.Object({ name: Type.String() })
})

/** Nothing but what must be there: no params, no presence. */
export const news = defineChannel({
  pattern: 'news',
  fromClient: { vote: { payload: Type.Integer(), reply: Type.Integer() } },
  fromServer: { item: { payload: Type.String() } }
})

/** A channel with a log: snapshots, and a message that is not remembered. */
export const doc = defineChannel({
  pattern: 'doc/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { edit: { payload: Type.String(), idempotent: true } },
  fromServer: {
    edited: { payload: Type.String() },
    moved: { payload: Type.Integer(), ephemeral: true }
  },
  history: { limit: 100, ttl: 1000, snapshot: Type.Object({ text: Type.String() }) }
})

/** A log without snapshots, in a channel without params. */
export const metrics = defineChannel({
  pattern: 'metrics',
  fromClient: {},
  fromServer: { changed: { payload: Type.Integer() } },
  history: { limit: 100, ttl: 1000 }
})

/** A channel whose members learn only how many they are. */
export const stadium = defineChannel({
  pattern: 'stadium',
  fromClient: {},
  fromServer: {},
  presence: { data: Type.Object({ seat: Type.Integer() }), list: 'count' }
})

/** The messages of the connection itself. */
export const account = defineConnection({
  fromClient: { whoami: { reply: Type.Object({ id: Type.String() }) } },
  fromServer: { notice: { payload: Type.Object({ text: Type.String() }) } }
})
