import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../../lib/contract/define-channel.ts'

export const shop = defineChannel({
  pattern: 'shop/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    order: { payload: Type.String(), reply: Type.String(), idempotent: true },
    note: { payload: Type.String() }
  },
  fromServer: { ordered: { payload: Type.String() }, paid: { payload: Type.String() } },
  history: { limit: 10, ttl: 60_000 }
})
