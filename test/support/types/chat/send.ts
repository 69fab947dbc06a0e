import { handler } from '../../../../plugins/channels.ts'
import { chat } from './chat.contract.ts'

const silenced = new Map<string, number>()

export const send = handler(chat, 'message.send', async (ctx, { text }) => {
  const until = silenced.get(ctx.user.sub)
  if (until !== undefined) throw ctx.error('muted', { until })
  await ctx.broadcast('message.posted', { id: ctx.messageId, text, from: ctx.user.sub })
  return { id: ctx.messageId }
})
