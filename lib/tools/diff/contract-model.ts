import type {
  AsyncApiDocument, ChannelObject, MessageObject, OperationObject, Reference
} from '../../asyncapi/asyncapi-document.ts'
import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { controlWords } from '../../protocol/control-messages.ts'
import { valueAt, type Side } from './comparison.ts'

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
    return [`${String(route)} ${shape}`, modelOf(document, `#/channels/${id}`, channel, name.join(', '))]
  }))
}

function modelOf (root: AsyncApiDocument, $ref: string, channel: ChannelObject, name: string): ChannelModel {
  const operations = Object.values(root.operations).filter((operation) => operation.channel.$ref === $ref)
  const messagesOf = (action: OperationObject['action']) => new Map(operations
    .filter((operation) => operation.action === action)
    .map((operation) => [firstOf(root, operation).name, operation] as const)
    .filter(([type]) => !(controlWords as readonly string[]).includes(type))
    .map(([type, operation]) => [type, messageOf(root, operation)] as const))
  const security = (operations[0]?.security ?? []) as readonly Reference[]
  return {
    name,
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

/** The schema of a query, of headers or of params; anything where there is none. */
export function sideOf (root: object, schema: unknown): Side {
  return { root, schema: isObject(schema) ? schema : {} }
}
