import { Type, type TSchema } from '@sinclair/typebox'
import { persistentMessage } from './declared-message.ts'
import { absent, channel, correlationId, fromServer, offset, position, text } from './values.ts'

/** What the control messages of one kind of channel contain of its contract. */
export interface ChannelParts {
  readonly channel: TSchema
  /** The presence data of a user. */
  readonly data: TSchema
  /** The presence that a member gets: users, or their number. Empty where it gets none. */
  readonly lists: ReadonlyArray<'users' | 'count'>
  /** A message in the history. Undefined where the channel has no history. */
  readonly entry: TSchema | undefined
  /** The state in a snapshot. Undefined where the channel has no snapshots. */
  readonly state: TSchema | undefined
}

/** The parts of any channel. */
export const anyChannel: ChannelParts = {
  channel, data: Type.Unknown(), lists: ['users', 'count'], entry: persistentMessage({}), state: Type.Unknown()
}

const reasons = ['fresh', 'epoch', 'future', 'fork', 'trimmed', 'limit'] as const
const reason = (names: readonly string[]) => Type.Union(names.map((name) => Type.Literal(name)))
const noHistory = {
  epoch: absent, offset: absent, hash: absent, recovered: absent, reason: absent, snapshot: absent, messages: absent
}
const count = Type.Object({ count: Type.Integer({ minimum: 0 }) })

/** The control messages of one kind of channel, from the server. */
export function channelMessages (parts: ChannelParts) {
  const { channel, entry = Type.Never() } = parts
  const joinReply = joinReplyOf(parts)
  const historyPage = Type.Object({
    position: Type.Object(position), messages: Type.Array(entry), hasMore: Type.Boolean()
  })
  return {
    joinAck: fromServer('ack', { channel, payload: Type.Optional(joinReply), correlationId }),
    historyAck: fromServer('ack', { channel, payload: historyPage, correlationId }),
    joined: fromServer('joined', { channel, payload: joinReply }),
    presence: fromServer('presence', { channel, payload: presenceOf(parts) }),
    resync: fromServer('resync', {
      channel, payload: Type.Object({ ...contentOf(parts), reason: reason([...reasons, 'slow']) })
    }),
    left: fromServer('left', { channel, payload: Type.Object({ code: text }) })
  }
}

function joinReplyOf (parts: ChannelParts): TSchema {
  const { snapshot, ...content } = contentOf(parts)
  const info = { ...presenceInfo(parts), idempotent: Type.Optional(Type.Array(text)) }
  const missed = { ...content, recovered: Type.Literal(true), reason: absent }
  const startAgain = { ...content, snapshot, recovered: Type.Literal(false), reason: reason(reasons) }
  const histories = parts.entry ? [missed, startAgain, noHistory] : [noHistory]
  return oneOf(histories.map((history) => Type.Object({ ...info, ...history })))
}

function contentOf ({ entry = Type.Never(), state }: ChannelParts) {
  const snapshot = state ? Type.Optional(Type.Object({ offset, hash: text, state })) : absent
  return { ...position, snapshot, messages: Type.Array(entry) }
}

const usersOf = ({ data }: ChannelParts) => Type.Array(Type.Object({ user: text, data }))

function presenceInfo (parts: ChannelParts) {
  const lists = parts.lists.map((kind): TSchema => kind === 'users' ? usersOf(parts) : count)
  return {
    presence: lists.length > 0 ? Type.Optional(oneOf(lists)) : absent,
    presenceMore: parts.lists.includes('users') ? Type.Optional(Type.Literal(true)) : absent
  }
}

function presenceOf (parts: ChannelParts): TSchema {
  const users = usersOf(parts)
  const change = Type.Object({
    joined: Type.Optional(users),
    updated: Type.Optional(users),
    left: Type.Optional(Type.Array(text)),
    present: absent,
    more: absent,
    count: absent
  }, { minProperties: 1 })
  const page = Type.Object({
    present: users,
    more: Type.Optional(Type.Literal(true)),
    joined: absent,
    updated: absent,
    left: absent,
    count: absent
  })
  return oneOf(parts.lists.flatMap((kind): TSchema[] => kind === 'users' ? [change, page] : [count]))
}

function oneOf (schemas: TSchema[]): TSchema {
  return schemas.length === 1 ? schemas[0] as TSchema : Type.Union(schemas)
}
