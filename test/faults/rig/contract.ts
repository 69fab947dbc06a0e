import { Type, type Static } from '@sinclair/typebox'
import { defineChannel } from '../../../lib/contract/define-channel.ts'

const message = Type.Object({
  /** `<client>/<n>` */
  id: Type.String(),
  n: Type.Integer(),
  /** The channel that it was sent to. */
  of: Type.String(),
  padding: Type.String()
})

const delivered = Type.Composite([message, Type.Object({ connection: Type.String() })])

export type RigMessage = Static<typeof message>
export type DeliveredMessage = Static<typeof delivered>

const channel = {
  params: Type.Object({ name: Type.String() }),
  fromClient: {
    write: { payload: message, idempotent: true },
    say: { payload: message },
    hint: { payload: message }
  },
  fromServer: { written: { payload: delivered }, hinted: { payload: delivered, ephemeral: true } },
  history: { limit: 10_000, ttl: 600_000, initial: 500 }
} as const

/** The channels of the rig: one persistent message that is idempotent and one that is not, and an ephemeral one. */
export const rigChannel = defineChannel({ pattern: 'rig/:name', ...channel, presence: Type.Object({}) })

/** The same with a durable history. */
export const durableChannel = defineChannel({
  pattern: 'durable/:name', ...channel, presence: Type.Object({}), history: { ...channel.history, durable: 'replica' }
})

/** The same without presence, for thousands of clients in one channel. */
export const wideChannel = defineChannel({ pattern: 'wide/:name', ...channel })
