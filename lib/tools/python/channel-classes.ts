import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { parsePattern } from '../../contract/pattern.ts'
import { valueAt } from '../../asyncapi/model/side.ts'
import type { ChannelModel } from '../../asyncapi/model/channel-models.ts'
import { classOf } from './dataclass.ts'
import { MessageClasses } from './message-classes.ts'
import { memberNames, type ClassNames } from './python-names.ts'
import { bracketed, stringLiteral } from './python-text.ts'
import type { PythonTypes } from './python-types.ts'

/** The code of one channel, or of one connection. */
export interface ChannelCode {
  /** Its messages. */
  readonly messages: readonly string[]
  readonly alias: string
  readonly channel: string
}

/** The code of a class for the channels of a pattern. */
export function channelClass (types: PythonTypes, names: ClassNames, model: ChannelModel, name: string): ChannelCode {
  const { 'x-pattern': pattern, 'x-params': params, 'x-presence': presence, 'x-history': history } = model.channel
  const { messages, event, alias, events } = messagesOf(types, names, model, name)
  const { data, list } = (presence ?? {}) as { readonly data?: JsonSchema, readonly list?: string }
  const user = data && list === 'all' ? types.typeOf(data, `${name} presence`) : 'None'
  const { snapshot } = (history ?? {}) as { readonly snapshot?: JsonSchema }
  const state = snapshot ? types.typeOf(snapshot, `${name} snapshot`) : 'None'
  const constants = [
    `    PATTERN = ${stringLiteral(String(pattern))}\n`,
    ...user === 'None' ? [] : [`    _presence_type = ${user}\n`],
    ...state === 'None' ? [] : [`    _snapshot_type = ${state}\n`],
    events
  ].join('')
  const description = `The channels \`${String(pattern)}\`.`
  const head = { name, bases: [`Channel[${event}, ${user}, ${state}]`], constants }
  return { messages, alias, channel: classOf({ description }, head, [constructorOf(types, String(pattern), params)]) }
}

function constructorOf (types: PythonTypes, pattern: string, params: unknown): string {
  const wired = parsePattern(pattern).names
  const names = memberNames(wired, ['client', 'since'])
  const { properties } = isObject(params) ? types.resolve(params) : {}
  const declared = wired.map((wire) => {
    const schema = (Object(properties) as Record<string, JsonSchema>)[wire] ?? {}
    return `${names.get(wire)}: ${isChoice(types.resolve(schema)) ? types.typeOf(schema, `${wire} param`) : 'str'}`
  })
  const values = wired.map((wire) => `${stringLiteral(wire)}: ${names.get(wire)}`)
  return `    def __init__(
        self,
        client: ChannelsClient[Any],
        *,
${declared.map((one) => `        ${one},\n`).join('')}        since: Position | None = None,
    ) -> None:
${bracketed('        super().__init__(client, {', values, '}, since)')}`
}

/** Whether a schema lists the texts that it allows. */
function isChoice ({ anyOf, enum: values }: JsonSchema): boolean {
  const members = Array.isArray(anyOf) ? (anyOf as JsonSchema[]).map((one) => one.const) : values
  return Array.isArray(members) && members.every((value) => typeof value === 'string')
}

/** The code of a class for the connections of a route. */
export function clientClass (types: PythonTypes, names: ClassNames, model: ChannelModel, name: string): ChannelCode {
  const { 'x-route': route, description } = model.channel
  const { messages, event, alias, events } = messagesOf(types, names, model, name)
  const constants = `    _carrier = ${stringLiteral(carrierOf(model))}\n${events}`
  const about = typeof description === 'string' ? `\n\n${description}` : ''
  const head = { name, bases: [`ChannelsClient[${event}]`], constants }
  return { messages, alias, channel: classOf({ description: `Connects to \`${String(route)}\`.${about}` }, head, []) }
}

/** Where the route looks for a token, as far as the document says. */
function carrierOf ({ root, security }: ChannelModel): string {
  const carriers = security.map(($ref) => {
    const { type, scheme, name, in: place } = valueAt(root, $ref) as JsonSchema
    if (type === 'http' && scheme === 'bearer') return 'header'
    if (type !== 'httpApiKey') return ''
    if (place === 'cookie') return `cookie:${String(name)}`
    return place === 'query' ? 'query' : name === 'Sec-WebSocket-Protocol' ? 'subprotocol' : ''
  })
  const known = carriers.filter((carrier) => carrier !== '')
  return ['header', 'subprotocol', 'query'].find((carrier) => known.includes(carrier)) ?? known[0] ?? 'header'
}

/** The classes of all messages, an alias for those of the server, and the table of these. */
function messagesOf (types: PythonTypes, names: ClassNames, model: ChannelModel, owner: string) {
  const classes = new MessageClasses(types, names, owner)
  for (const [type, message] of model.fromClient) classes.addRequest(type, message)
  const events = [...model.fromServer].map(([type, message]) => [type, classes.addEvent(type, message)] as const)
  const event = events.length === 0 ? 'Event' : names.take(`${owner} message`)
  const rows = events.map(([type, name]) => `${stringLiteral(type)}: ${name}`)
  return {
    messages: classes.code,
    event,
    alias: events.length === 0 ? '' : bracketed(`${event}: TypeAlias = Union[`, events.map(([, name]) => name), ']'),
    events: events.length === 0 ? '' : bracketed('    _events = {', rows, '}')
  }
}
