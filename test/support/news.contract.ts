import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../plugins/channels.ts'

/** A channel with persistent and ephemeral messages, a history and presence. */
export const news = defineChannel({
  pattern: 'news/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { post: { payload: Type.Integer() }, wave: {} },
  fromServer: { posted: { payload: Type.Integer() }, waved: { ephemeral: true } },
  presence: Type.Object({}),
  history: { limit: 100, ttl: 60_000 }
})
