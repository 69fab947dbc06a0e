import { Type, type TSchema } from '@sinclair/typebox'
import { absent, anything, channel, correlationId, declaredType, orNull, text } from './values.ts'

/** The members of the envelope that one message has in a form of its own. */
export interface Members {
  /** @default any type that a contract may declare */
  readonly type?: TSchema
  /** @default any channel, or none */
  readonly channel?: TSchema
  /** @default anything, or nothing */
  readonly payload?: TSchema
}

const header = { offset: Type.Integer({ minimum: 1 }), id: text, hash: text, prev: text }

/** The envelope of a declared message from a client. */
export function clientMessage (members: Members): TSchema {
  return Type.Object({
    type: members.type ?? declaredType,
    channel: members.channel ?? Type.Optional(orNull(channel)),
    payload: members.payload ?? anything,
    correlationId: Type.Optional(orNull(correlationId))
  })
}

/** The envelope of a persistent message: an entry of a history, with its header. */
export function persistentMessage (members: Members): TSchema {
  return Type.Object({
    type: members.type ?? declaredType,
    channel: members.channel ?? channel,
    payload: members.payload ?? anything,
    correlationId: absent,
    ...header
  })
}

/** The envelope of an ephemeral message: an `id` at most. */
export function ephemeralMessage (members: Members): TSchema {
  return Type.Object({
    type: members.type ?? declaredType,
    channel: members.channel ?? Type.Optional(channel),
    payload: members.payload ?? anything,
    correlationId: absent,
    offset: absent,
    id: Type.Optional(text),
    hash: absent,
    prev: absent
  })
}
