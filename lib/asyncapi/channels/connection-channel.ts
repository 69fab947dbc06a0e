import { Type, type TSchema } from '@sinclair/typebox'
import type { AnyChannel } from '../../contract/define-channel.ts'
import { ephemeralMessage, clientMessage } from '../../contract/wire/declared-message.ts'
import { absent, correlationId, fromServer } from '../../contract/wire/values.ts'
import { wireSchemas } from '../../contract/wire/wire-schemas.ts'
import { closeEvents, type Retry } from '../../protocol/close-events.ts'
import { maxChannelLength, maxDepth } from '../../protocol/envelope.ts'
import { subprotocol } from '../../protocol/control-messages.ts'
import { parametersOf, routeAddress } from '../address.ts'
import type { Reference } from '../asyncapi-document.ts'
import { addDeclared, type Envelopes } from './declared-messages.ts'
import { ChannelParts, type DocumentParts } from '../document-parts.ts'
import type { DocumentedRoute } from '../documented-route.ts'
import { Messages, protocolError, shownAs } from './messages.ts'
import type { JsonSchema } from '../schema/json-schema.ts'

/** What a client does after a close. */
const reactions: Readonly<Record<Retry, string>> = {
  no: 'stays away', reconnect: 'reconnects', token: 'reconnects with a new token', stop: 'gives up'
}

const closeCodes = Object.entries(closeEvents).map(([event, { code, reason, retry }]) =>
  ({ event, code, reason, client: reactions[retry] }))

/** What a route says about each of its channels. */
export interface RouteParts {
  readonly name: string
  readonly binding: Reference
  readonly security: readonly Reference[]
}

/** The messages of a connection have no channel; from a client `null` is the same. */
const envelopes: Envelopes = {
  fromClient: (type, payload) => clientMessage({ type, payload, channel: Type.Optional(Type.Null()) }),
  fromServer: (type, payload) => ephemeralMessage({ type, payload, channel: absent }),
  channel: absent
}

/** Describes the connection of a route: the upgrade, and the messages that belong to no channel. */
export function addConnection (document: DocumentParts, route: DocumentedRoute, about: RouteParts): void {
  const { url, contracts, params = {}, limits, summary, description, tags } = route
  const { name, binding, security } = about
  const { address, names } = routeAddress(url)
  const channel = new ChannelParts(document, name, security)
  const messages = new Messages()
  const error = addError(document, channel, messages, envelopes.channel)
  addControl(channel, messages, error, route)
  const contract = contracts.find(({ pattern }) => pattern === '')
  if (contract) addDeclared(document, channel, messages, contract, { envelopes, error })
  const parameters = parametersOf(names, params, document.schemas)
  channel.finish({
    address,
    title: `The connection ${url}`,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(tags && { tags: tags.map((tag) => ({ name: tag })) }),
    ...(names.length > 0 && { parameters }),
    bindings: binding,
    'x-route': url,
    'x-subprotocol': subprotocol,
    'x-patterns': patternsOf(contracts),
    ...(limits && { 'x-limits': limits }),
    'x-close-codes': closeCodes
  })
}

const patternsOf = (contracts: readonly AnyChannel[]) =>
  contracts.map(({ pattern }) => pattern).filter((pattern) => pattern !== '')

/** The refusal with a code of the protocol, which any message may get. */
export function addError (
  document: DocumentParts, channel: ChannelParts, messages: Messages, ofChannel: TSchema
): Reference {
  const payload = document.schemas.add('protocol error', 'ProtocolError', () => protocolError as unknown as JsonSchema)
  const envelope = fromServer('error', {
    channel: ofChannel, payload: Type.Unsafe(payload), correlationId: Type.Optional(correlationId)
  })
  const shown = shownAs({ code: 'invalid_payload', message: 'the payload does not match its schema' })
  const error = channel.add(messages.message('error', envelope, shown, 'A message was refused.'), 'error')
  channel.operate('send', 'error', error)
  return error
}

function addControl (channel: ChannelParts, messages: Messages, error: Reference, route: DocumentedRoute): void {
  const { fromClient, fromServer: sent } = wireSchemas
  const welcome = messages.message('welcome', sent.welcome, shownAs({
    connectionId: '5f2c1a9e-6c1b-4d0e-9a53-2f7f0d1b8c44',
    limits: { messageBytes: 65_536, channelLength: maxChannelLength, depth: maxDepth },
    patterns: patternsOf(route.contracts)
  }), 'The first message of a connection.')
  channel.operate('send', 'welcome', channel.add(welcome, 'welcome'))
  const ack = channel.add(messages.message('ack', fromServer('ack', { correlationId })), 'ack')
  const ping = messages.message('ping', fromClient.ping, undefined, 'Asks whether the connection is alive.')
  channel.operate('receive', 'ping', channel.add(ping, 'ping'), { replies: [ack, error] })
  if ((route.carriers ?? []).length > 0) {
    const shown = shownAs({ token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln' })
    const refresh = messages.message('refresh', fromClient.refresh, shown, 'Replaces the token of the connection.')
    channel.operate('receive', 'refresh', channel.add(refresh, 'refresh'), { replies: [ack, error] })
  }
  const reconnect = messages.message('reconnect', sent.reconnect, shownAs({ delay: 1_250 }),
    'The server is about to close: connect again.')
  channel.operate('send', 'reconnect', channel.add(reconnect, 'reconnect'))
}
