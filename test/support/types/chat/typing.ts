import { handler } from '../../../../plugins/channels.ts'
import { chat } from './chat.contract.ts'

export const typing = handler(chat, 'typing', (ctx, { active }) =>
  ctx.broadcast('typing.changed', { userId: ctx.user.sub, active }, { except: ctx.connection }))
