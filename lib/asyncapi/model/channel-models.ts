import { controlWords } from '../../protocol/control-messages.ts'
import type {
  AsyncApiDocument, ChannelObject, MessageObject, OperationObject, Reference
} from '../asyncapi-document.ts'
import { isObject, type JsonSchema } from '../schema/json-schema.ts'
import { asSchema, resolved, sideOf, valueAt, type Side } from './side.ts'

/** A message as a document describes it. */
export interface MessageModel {
  /** An object with the payload as its member, so that it may be absent. */
  readonly payload: Side
  readonly operation: OperationObject
  /** The same with the declared reply, of a message from a client. */
  readonly reply: Side | undefined
  readonly errors: ReadonlyMap<string, Side>
}

/** A kind of channel, or a connection, as a document describes it. */
export interface ChannelModel {
  /** `route '/ws', channel 'chat/:room'` */
  readonly name: string
  /** The URL of its route; empty in a document of others. */
  readonly route: string
  /** Its pattern, without the names of the params; empty for a connection. */
  readonly shape: string
  readonly channel: ChannelObject
  readonly root: AsyncApiDocument
  readonly fromClient: ReadonlyMap<string, MessageModel>
  readonly fromServer: ReadonlyMap<string, MessageModel>
  /** The names of the security schemes, one of which a client needs. */
  readonly security: readonly string[]
}

/** The channels of a document, by what stays the same when a param gets another name. */
export function channelModels (document: AsyncApiDocument): ReadonlyMap<string, ChannelModel> {
  return new Map(Object.entries(document.channels).map(([id, channel]) => {
    const { 'x-route': route = '', 'x-pattern': pattern = '', address } = channel
    const text = String(pattern || (route === '' ? address : ''))
    const name = [...route === '' ? [] : [`route '${String(route)}'`], ...text === '' ? [] : [`channel '${text}'`]]
    const shape = text.split('/').map((part) => part.startsWith(':') ? ':' : part).join('/')
    const about = { name: name.join(', '), route: String(route), shape }
    return [`${about.route} ${shape}`, { ...about, ...modelOf(document, `#/channels/${id}`, channel) }]
  }))
}

function modelOf (
  root: AsyncApiDocument, $ref: string, channel: ChannelObject
): Omit<ChannelModel, 'name' | 'route' | 'shape'> {
  const operations = Object.values(root.operations).filter((operation) => operation.channel.$ref === $ref)
  const messagesOf = (action: OperationObject['action']) => new Map(operations
    .filter((operation) => operation.action === action)
    .map((operation) => [firstOf(root, operation).name, operation] as const)
    .filter(([type]) => !(controlWords as readonly string[]).includes(type))
    .map(([type, operation]) => [type, messageOf(root, operation)] as const))
  const security = (operations[0]?.security ?? []) as readonly Reference[]
  return {
    channel,
    root,
    fromClient: messagesOf('receive'),
    fromServer: messagesOf('send'),
    security: security.map(({ $ref }) => $ref)
  }
}

/** The first message of an operation, or of its reply. */
function firstOf (root: AsyncApiDocument, { messages }: Pick<OperationObject, 'messages'>): MessageObject {
  return valueAt(root, (messages[0] as Reference).$ref) as MessageObject
}

function messageOf (root: AsyncApiDocument, operation: OperationObject): MessageModel {
  const { reply, 'x-errors': errors = {} } = operation
  return {
    operation,
    payload: payloadOf(root, firstOf(root, operation), operation.action === 'send'),
    reply: reply && payloadOf(root, firstOf(root, reply), true),
    errors: new Map(Object.entries(errors as JsonSchema).map(([code, schema]) =>
      [code, { root, schema: schema as JsonSchema }]))
  }
}

/** An envelope with its payload alone. A client that knows of no payload ignores the one that it receives. */
function payloadOf (root: AsyncApiDocument, { payload: envelope }: MessageObject, isReceived: boolean): Side {
  const { properties, required } = envelope
  const { payload } = properties as Readonly<Record<string, JsonSchema | undefined>>
  if ((required as readonly string[]).includes('payload')) {
    return { root, schema: { type: 'object', properties: { payload }, required: ['payload'] } }
  }
  const isNone = payload === undefined || (isReceived && payload.type === 'null')
  return { root, schema: { type: 'object', properties: isNone ? {} : { payload } } }
}

/** The params of a channel by their place in its pattern, because clients on the wire know only addresses. */
export function paramsOf (
  { channel, root }: ChannelModel
): ReadonlyArray<{ readonly name: string, readonly side: Side }> {
  const { 'x-params': params, 'x-pattern': pattern } = channel
  const { properties } = resolved(sideOf(root, params))
  const names = [...String(pattern).matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  return names.map((name) => ({ name, side: sideOf(root, asSchema(properties)[name]) }))
}

/** The presence that clients are told of, if there is any. */
export function presenceOf ({ channel: { 'x-presence': presence } }: ChannelModel): JsonSchema | undefined {
  return isObject(presence) && presence.list !== 'none' ? presence : undefined
}
