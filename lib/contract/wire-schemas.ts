import { Type, type TProperties, type TSchema } from '@sinclair/typebox'
import { controlWords } from '../protocol/control-messages.ts'
import {
  maxChannelLength, maxCorrelationIdLength, maxHistoryPageEntries, maxTypeLength
} from '../protocol/envelope.ts'

/** The schemas of one direction by the type of the message. `message` is the envelope of a declared message. */
export interface WireSchemas {
  readonly fromClient: Readonly<Record<'join' | 'leave' | 'history' | 'refresh' | 'ping' | 'message', TSchema>>
  readonly fromServer: Readonly<Record<
    'welcome' | 'ack' | 'joinAck' | 'historyAck' | 'error' | 'joined' | 'presence' | 'resync' | 'left' | 'reconnect' |
    'message',
    TSchema
  >>
}

const text = Type.String()
const offset = Type.Integer({ minimum: 0 })
const type = Type.String({
  minLength: 1,
  maxLength: maxTypeLength,
  pattern: `^(?!(?:${controlWords.join('|')})$)`
})
const channel = Type.String({ minLength: 1, maxLength: maxChannelLength })
const correlationId = Type.String({ minLength: 1, maxLength: maxCorrelationIdLength })
/** A member that tells two forms of a message apart is absent from one of them. */
const absent = Type.Optional(Type.Never())
const anything = Type.Optional(Type.Unknown())
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** The length bounds an untrusted position. What the server makes is shorter. */
const mark = Type.String({ maxLength: 64 })
const position = { epoch: mark, offset, hash: mark }

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

/** A message from a client may carry a `correlationId`, and `null` is the same as absent. */
function fromClient (type: string, members: TProperties): TSchema {
  return Type.Object({ type: Type.Literal(type), ...members, correlationId: Type.Optional(orNull(correlationId)) })
}

function fromServer (type: string, members: TProperties): TSchema {
  return Type.Object({ type: Type.Literal(type), ...members })
}

const header = { offset: Type.Integer({ minimum: 1 }), id: text, hash: text, prev: text }
const entry = Type.Object({ type, channel, payload: anything, correlationId: absent, ...header })
const ephemeral = Type.Object({
  type,
  channel: Type.Optional(channel),
  payload: anything,
  correlationId: absent,
  offset: absent,
  id: Type.Optional(text),
  hash: absent,
  prev: absent
})

const snapshot = Type.Object({ offset, hash: text, state: Type.Unknown() })
const reasons = ['fresh', 'epoch', 'future', 'fork', 'trimmed', 'limit'] as const
const reason = (names: readonly string[]) => Type.Union(names.map((name) => Type.Literal(name)))
const content = { ...position, snapshot: Type.Optional(snapshot), messages: Type.Array(entry) }
const missed = { ...position, recovered: Type.Literal(true), reason: absent, messages: Type.Array(entry) }
const startAgain = { ...content, recovered: Type.Literal(false), reason: reason(reasons) }
const noHistory = {
  epoch: absent, offset: absent, hash: absent, recovered: absent, reason: absent, snapshot: absent, messages: absent
}

const users = Type.Array(Type.Object({ user: text, data: Type.Unknown() }))
const count = Type.Object({ count: Type.Integer({ minimum: 0 }) })
const change = Type.Object({
  joined: Type.Optional(users),
  updated: Type.Optional(users),
  left: Type.Optional(Type.Array(text)),
  present: absent,
  more: absent,
  count: absent
}, { minProperties: 1 })
const page = Type.Object({
  present: users, more: Type.Optional(Type.Literal(true)), joined: absent, updated: absent, left: absent, count: absent
})

const channelInfo = {
  presence: Type.Optional(Type.Union([users, count])),
  presenceMore: Type.Optional(Type.Literal(true)),
  idempotent: Type.Optional(Type.Array(text))
}
const joinReply = Type.Union([missed, startAgain, noHistory].map((history) =>
  Type.Object({ ...channelInfo, ...history })))

const historyPage = Type.Object({
  position: Type.Object(position), messages: Type.Array(entry), hasMore: Type.Boolean()
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
    message: Type.Object({
      type,
      channel: Type.Optional(orNull(channel)),
      payload: anything,
      correlationId: Type.Optional(orNull(correlationId))
    })
  },
  fromServer: {
    welcome: fromServer('welcome', { payload: welcome }),
    ack: fromServer('ack', {
      channel: Type.Optional(channel), payload: anything, correlationId, offset: Type.Optional(offset)
    }),
    joinAck: fromServer('ack', { channel, payload: Type.Optional(joinReply), correlationId }),
    historyAck: fromServer('ack', { channel, payload: historyPage, correlationId }),
    error: fromServer('error', { ...sometimes, payload: failure }),
    joined: fromServer('joined', { channel, payload: joinReply }),
    presence: fromServer('presence', { channel, payload: Type.Union([change, page, count]) }),
    resync: fromServer('resync', {
      channel, payload: Type.Object({ ...content, reason: reason([...reasons, 'slow']) })
    }),
    left: fromServer('left', { channel, payload: Type.Object({ code: text }) }),
    reconnect: fromServer('reconnect', { payload: Type.Object({ delay: milliseconds }) }),
    message: Type.Union([entry, ephemeral])
  }
}
