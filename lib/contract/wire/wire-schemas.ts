import { Type, type TSchema } from '@sinclair/typebox'
import { maxHistoryPageEntries } from '../../protocol/envelope.ts'
import { anyChannel, channelMessages } from './channel-messages.ts'
import { clientMessage, ephemeralMessage, persistentMessage } from './declared-message.ts'
import {
  anything, channel, correlationId, fromClient, fromServer, mark, offset, orNull, position, text
} from './values.ts'

/** The schemas of one direction by the type of the message. `message` is the envelope of a declared message. */
export interface WireSchemas {
  readonly fromClient: Readonly<Record<'join' | 'leave' | 'history' | 'refresh' | 'ping' | 'message', TSchema>>
  readonly fromServer: Readonly<Record<
    'welcome' | 'ack' | 'joinAck' | 'historyAck' | 'error' | 'joined' | 'presence' | 'resync' | 'left' | 'reconnect' |
    'message',
    TSchema
  >>
}

/** The payload of a `join`. */
export const joinPayload = Type.Object({
  since: Type.Optional(Type.Object(position)),
  again: Type.Optional(Type.Boolean()),
  replaces: Type.Optional(mark)
})

/** The payload of a `history`. */
export const historyPayload = Type.Object({
  before: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxHistoryPageEntries })),
  epoch: Type.Optional(mark)
})

const failure = Type.Object({
  appended: Type.Optional(offset),
  code: Type.String({ minLength: 1 }),
  message: text,
  details: anything,
  retryAfter: Type.Optional(Type.Number({ minimum: 0 }))
})

const bound = Type.Integer({ minimum: 1 })
const welcome = Type.Object({
  connectionId: Type.String({ minLength: 1 }),
  limits: Type.Object({ messageBytes: bound, channelLength: bound, depth: bound }),
  patterns: Type.Array(text)
})
const milliseconds = Type.Number({ minimum: 0 })
const sometimes = { channel: Type.Optional(channel), correlationId: Type.Optional(correlationId) }

/**
 * The messages of the protocol `fastify-channels.v1` as JSON Schema, draft 7 and later. docs/protocol.md explains them.
 * Objects are open, because a peer ignores members that it does not know. What a schema cannot say stands in the rules
 * of that page only: the lengths of `type`, `channel` and `correlationId` count UTF-16 code units there and characters
 * here, and text is well-formed.
 *
 * `joinAck` is the `ack` of a join, and `historyAck` that of a `history`. The payloads of declared messages have the
 * schemas of their contract.
 */
export const wireSchemas: WireSchemas = {
  fromClient: {
    join: fromClient('join', { channel, payload: Type.Optional(orNull(joinPayload)) }),
    leave: fromClient('leave', { channel }),
    history: fromClient('history', { channel, payload: Type.Optional(orNull(historyPayload)) }),
    refresh: fromClient('refresh', { payload: Type.Object({ token: text }) }),
    ping: fromClient('ping', {}),
    message: clientMessage({})
  },
  fromServer: {
    welcome: fromServer('welcome', { payload: welcome }),
    ack: fromServer('ack', {
      channel: Type.Optional(channel), payload: anything, correlationId, offset: Type.Optional(offset)
    }),
    error: fromServer('error', { ...sometimes, payload: failure }),
    ...channelMessages(anyChannel),
    reconnect: fromServer('reconnect', { payload: Type.Object({ delay: milliseconds }) }),
    message: Type.Union([persistentMessage({}), ephemeralMessage({})])
  }
}
