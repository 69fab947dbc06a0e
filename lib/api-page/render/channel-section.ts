import type { ChannelObject } from '../../asyncapi/asyncapi-document.ts'
import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import type { DocumentReader } from './document-reader.ts'
import { facts, html, type Html, type HtmlPart } from './html.ts'
import { operationArticle } from './operation.ts'
import { schemaTable } from './schema-table.ts'

/** One kind of channel: its address, params, presence and history, and its operations. */
export function channelSection (reader: DocumentReader, id: string, channel: ChannelObject): Html {
  const { address, 'x-pattern': pattern, 'x-route': route, 'x-namespace': namespace, 'x-params': params } = channel
  const { 'x-presence': presence, 'x-history': history } = channel
  const of = { route: route as string, pattern: pattern as string }
  return html`<section class="channel" id="channel-${id}" data-route="${of.route}" data-pattern="${of.pattern}"
 aria-labelledby="title-${id}">
<h3 id="title-${id}">Channel <code>${of.pattern}</code></h3>
${facts([
    ['Address', address === null ? 'it has a brace, which AsyncAPI cannot say' : html`<code>${address}</code>`],
    ['Namespace', namespace as string | undefined],
    ['Shared', channel['x-shared'] === true && 'with the same channels of other contracts'],
    ['Presence', isObject(presence) && wordsForPresence(presence)],
    ['History', isObject(history) && wordsForHistory(history)]
  ])}
${isObject(params) && schemaTable(params, 'Params of the address')}
${schemaOf(presence, 'data', 'Presence data of a user')}
${schemaOf(history, 'snapshot', 'State in a snapshot')}
${reader.operationsOf(id).map(([key, operation]) => operationArticle(reader, key, operation, of))}
</section>
`
}

function schemaOf (part: unknown, member: string, caption: string): HtmlPart {
  const schema = isObject(part) ? part[member] : undefined
  return isObject(schema) && schemaTable(schema as JsonSchema, caption)
}

const lists: Readonly<Record<string, string>> = {
  all: 'members learn who is in the channel',
  count: 'members learn how many users are in it',
  none: 'not sent to members'
}

function wordsForPresence ({ list }: JsonSchema): HtmlPart {
  return lists[list as string]
}

function wordsForHistory ({ limit, ttl, initial, durable }: JsonSchema): HtmlPart {
  return [
    [limit, (value: unknown) => `${value} messages at most`],
    [ttl, (value: unknown) => `kept for ${value} ms`],
    [initial, (value: unknown) => `a new member gets ${value}`],
    [durable, (value: unknown) => `confirmed by replicas: ${JSON.stringify(value)}`]
  ].flatMap(([value, words]) => value === undefined ? [] : [(words as (value: unknown) => string)(value)]).join(', ')
}
