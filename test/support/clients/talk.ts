import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { WebSocket } from 'ws'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement, type ImplementedChannel } from '../../../lib/server/implement.ts'
import type { ChannelsOptions } from '../../../plugins/channels.ts'
import { listen, makeApp, type Served } from '../serve.ts'

/** What the clients of other languages talk about: docs/protocol.md is all that they know. */
export const talk = defineChannel({
  pattern: 'talk/:room',
  params: Type.Object({ room: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) }),
  fromClient: {
    'message.send': {
      payload: Type.Object({ text: Type.String({ minLength: 1, maxLength: 60_000 }) }),
      reply: Type.Object({ id: Type.String() }),
      errors: { muted: Type.Object({ until: Type.Integer() }) },
      idempotent: true
    },
    typing: { payload: Type.Object({ active: Type.Boolean() }) },
    'ask.pong': {},
    'ask.drop': {},
    'ask.later': {},
    'ask.nothing': {},
    'ask.remove': {},
    'ask.add': { payload: Type.String() },
    'ask.disconnect': {},
    'ask.revoke': {}
  },
  fromServer: {
    'message.posted': { payload: Type.Object({ id: Type.String(), from: Type.String(), text: Type.String() }) },
    'typing.changed': { payload: Type.Object({ user: Type.String(), active: Type.Boolean() }), ephemeral: true }
  },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 100, ttl: 600_000, initial: 50 }
})

/** When `ask.later` is answered. */
export const laterMs = 1000

/** A server on `/ws`, and the tokens of its visitors. */
export interface TalkServer extends Served {
  readonly tokens: Readonly<Record<string, string>>
}

export async function serveTalk (t: Test, options: ChannelsOptions = {}): Promise<TalkServer> {
  // A lost connection is announced late, so that a recovery within the flow announces nothing.
  const { app, sink } = await makeApp(t, { presenceGrace: 60_000, ...options })
  app.ws('/ws', {}, [implementTalk(app)])
  // A page that asks for it synchronously is blocked for so long.
  app.get<{ Params: { ms: number } }>('/blocked/:ms', ({ params }) => wait(Number(params.ms)))
  const served = await listen(app, sink)
  const { token } = served
  return {
    ...served,
    tokens: {
      ANN: token('ann'),
      ANN_AGAIN: token('ann', { renewed: true }),
      BOB: token('bob'),
      // One for each run: the flow revokes it.
      CAROL: token('carol', { jti: randomUUID() })
    }
  }
}

function implementTalk (app: FastifyInstance): ImplementedChannel {
  const { rooms, registry } = app
  return implement(talk, {
    authorize: (ctx) => ctx.params.room !== 'secret',
    presence: (ctx) => ({ name: ctx.user.name }),
    on: {
      'message.send': async (ctx, { text }) => {
        if (text === 'mute me') throw ctx.error('muted', { until: 7 })
        await ctx.broadcast('message.posted', { id: ctx.messageId, from: ctx.user.name, text })
        return { id: ctx.messageId }
      },
      typing: (ctx, { active }) =>
        ctx.broadcast('typing.changed', { user: ctx.user.name, active }, { except: ctx.connection }),
      'ask.pong': (ctx) => pong([...app.websocketServer.clients], ctx.messageId),
      'ask.drop': async (ctx) => {
        for (const socket of app.websocketServer.clients) socket.terminate()
        for (const text of ['missed 1', 'missed 2']) {
          await rooms.of(talk, ctx.params).broadcast('message.posted', { id: text, from: 'server', text })
        }
      },
      'ask.later': async () => { await wait(laterMs) },
      'ask.nothing': () => {},
      'ask.remove': async (ctx) => { await rooms.of(talk, ctx.params).remove({ connectionId: ctx.connection.id }) },
      'ask.add': async ({ connection }, room) => { await rooms.of(talk, { room }).add(connection) },
      'ask.disconnect': async (ctx) => { await registry.disconnect({ connectionId: ctx.connection.id }) },
      'ask.revoke': async (ctx) => {
        const { jti } = ctx.user as unknown as { jti: string }
        await registry.revoke({ jti }, Date.now() + 60_000)
      }
    }
  })
}

/** Sends a ping frame with this payload, and resolves once a client has echoed it. */
async function pong (sockets: readonly WebSocket[], payload: string): Promise<void> {
  await Promise.race(sockets.map((socket) => new Promise<void>((resolve) => {
    socket.on('pong', (echoed) => { if (String(echoed) === payload) resolve() })
    socket.ping(payload)
  })))
}
