import { Type, type TSchema } from '@sinclair/typebox'
import { contractPath } from '../../contract/compile.ts'
import type { AnyChannel, PresenceDefinition } from '../../contract/define-channel.ts'
import { channelMessages, type ChannelParts as WireParts } from '../../contract/wire/channel-messages.ts'
import { correlationId, fromClient, fromServer, orNull } from '../../contract/wire/values.ts'
import { historyPayload, joinPayload } from '../../contract/wire/wire-schemas.ts'
import type { Reference } from '../asyncapi-document.ts'
import type { ChannelParts, DocumentParts } from '../document-parts.ts'
import { nothing, partOf, shownAs, type Messages, type Part } from './messages.ts'

export interface Around {
  readonly contract: AnyChannel
  readonly ofChannel: TSchema
  /** The envelopes of the persistent messages. */
  readonly entries: readonly TSchema[]
  /** The refusal with a code of the protocol. */
  readonly error: Reference
}

/** What the document says of the presence and the history of a channel. */
export interface Extensions {
  readonly presence: object | undefined
  readonly history: object | undefined
}

const position = { epoch: 'e7', offset: 1, hash: 'h1' }

/** Describes the control messages of one kind of channel. */
export function addControl (
  document: DocumentParts, channel: ChannelParts, messages: Messages, { contract, ofChannel, entries, error }: Around
): Extensions {
  const { definition: { history } } = contract
  const presence = presenceOf(document, contract)
  const state = history?.snapshot &&
    partOf(document.schemas, history.snapshot, 'Snapshot', `${contractPath(contract.pattern)}, history, snapshot`)
  const control = new ControlMessages(channel, messages, {
    channel: ofChannel,
    data: presence?.part.member ?? Type.Unknown(),
    lists: presence?.lists ?? [],
    entry: history && Type.Union([...entries]),
    state: state?.member
  }, error)
  control.addMembership(presence?.shown, history !== undefined)
  if (history) control.addHistory()
  if (presence && presence.lists.length > 0) control.addPresence(presence.shown)
  return {
    presence: presence && { list: presence.list, data: presence.part.member },
    history: history && { ...history, ...(state && { snapshot: state.member }) }
  }
}

/** The presence of a contract. `shown`: how examples show one user, or the number of users. */
function presenceOf ({ schemas }: DocumentParts, { pattern, definition }: AnyChannel) {
  const { presence } = definition
  if (!presence) return undefined
  const { data, list = 'all' } = 'data' in presence ? presence : { data: presence } as PresenceDefinition
  const part = partOf(schemas, data, 'Presence', `${contractPath(pattern)}, presence`)
  const lists = list === 'none' ? [] : [list === 'all' ? 'users' : 'count'] as const
  return { list, part, lists, shown: list === 'all' ? usersShown(part) : { count: 12 } }
}

const usersShown = ({ examples }: Part) => examples.slice(0, 1).map((data) => ({ user: 'ann', data }))

class ControlMessages {
  readonly #channel: ChannelParts
  readonly #messages: Messages
  readonly #parts: WireParts
  readonly #error: Reference
  readonly #sent: ReturnType<typeof channelMessages>

  constructor (channel: ChannelParts, messages: Messages, parts: WireParts, error: Reference) {
    this.#channel = channel
    this.#messages = messages
    this.#parts = parts
    this.#error = error
    this.#sent = channelMessages(parts)
  }

  addMembership (presence: unknown, hasHistory: boolean): void {
    const info = {
      ...(this.#parts.lists.length > 0 && { presence }),
      ...(hasHistory && { ...position, recovered: false, reason: 'fresh', messages: [] })
    }
    const shown = shownAs(Object.keys(info).length > 0 ? info : undefined)
    const joins = hasHistory ? shownAs(undefined, { since: position }) : shownAs(undefined)
    const members = { payload: Type.Optional(orNull(joinPayload)) }
    this.#receive('join', members, joins, this.#ack('join', this.#sent.joinAck, shown), 'Becomes a member.')
    const left = fromServer('ack', { channel: this.#parts.channel, correlationId })
    this.#receive('leave', {}, nothing, this.#ack('leave', left, nothing), 'Ends the membership.')
    this.#send('joined', shownAs(info), 'The server made the connection a member.')
    this.#send('left', shownAs({ code: 'removed' }), 'The server ended the membership.')
  }

  addHistory (): void {
    const page = shownAs({ position, messages: [], hasMore: false })
    const members = { payload: Type.Optional(orNull(historyPayload)) }
    this.#receive('history', members, shownAs({ before: 42, limit: 50, epoch: 'e7' }),
      this.#ack('history', this.#sent.historyAck, page), 'Asks for older messages.')
    this.#send('resync', shownAs({ ...position, reason: 'slow', messages: [] }),
      'Discard what is known of the channel, and continue with this content.')
  }

  addPresence (shown: unknown): void {
    this.#send('presence', shownAs(Array.isArray(shown) ? { joined: shown } : shown), 'The presence changed.')
  }

  #ack (of: string, envelope: TSchema, shown: Part): Reference {
    return this.#channel.add(this.#messages.message('ack', envelope, shown, `'${of}' succeeded.`), `${of}.ack`)
  }

  #receive (type: string, members: object, shown: Part, ack: Reference, summary: string): void {
    const envelope = fromClient(type, { channel: this.#parts.channel, ...members })
    const message = this.#channel.add(this.#messages.message(type, envelope, shown, summary), type)
    this.#channel.operate('receive', type, message, { replies: [ack, this.#error] })
  }

  #send (type: 'joined' | 'left' | 'presence' | 'resync', shown: Part, summary: string): void {
    const message = this.#messages.message(type, this.#sent[type], shown, summary)
    this.#channel.operate('send', type, this.#channel.add(message, type))
  }
}
