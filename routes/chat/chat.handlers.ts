import { implement } from 'fastify-channels'
import { chat } from './chat.contract.ts'

/** The chat's handlers: one for each message that a client may send. */
export const chatHandlers = implement(chat, {
  presence: (ctx) => ({ name: ctx.user.name }),
  on: {
    'message.send': async (ctx, { text }) => {
      const id = ctx.messageId
      await ctx.broadcast('message.posted', { id, from: ctx.user.sub, name: ctx.user.name, text, at: Date.now() })
      return { id }
    },
    typing: (ctx, { active }) =>
      ctx.broadcast('typing.changed', { userId: ctx.user.sub, name: ctx.user.name, active }, { except: ctx.connection })
  }
})
